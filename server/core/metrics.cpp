#include "server/core/metrics.hpp"

#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>

#include <sstream>

namespace carrel::metrics {
namespace {

prometheus::Registry& registry() {
  static prometheus::Registry all{prometheus::Registry::InsertBehavior::Merge};
  return all;
}

const prometheus::Histogram::BucketBoundaries seconds{0.0001, 0.0003, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1, 3, 10};

}  // namespace

void counter::add(double n) const { static_cast<prometheus::Counter*>(impl)->Increment(n); }
void gauge::set(double v) const { static_cast<prometheus::Gauge*>(impl)->Set(v); }
void gauge::add(double v) const { static_cast<prometheus::Gauge*>(impl)->Increment(v); }
void histogram::observe(double v) const { static_cast<prometheus::Histogram*>(impl)->Observe(v); }

counter make_counter(const std::string& name, const std::string& help, const labels& l) {
  auto& family = prometheus::BuildCounter().Name(name).Help(help).Register(registry());
  return counter{&family.Add(l)};
}

gauge make_gauge(const std::string& name, const std::string& help, const labels& l) {
  auto& family = prometheus::BuildGauge().Name(name).Help(help).Register(registry());
  return gauge{&family.Add(l)};
}

histogram make_histogram(const std::string& name, const std::string& help, const labels& l) {
  auto& family = prometheus::BuildHistogram().Name(name).Help(help).Register(registry());
  return histogram{&family.Add(l, seconds)};
}

std::string expose() {
  std::ostringstream out;
  prometheus::TextSerializer().Serialize(out, registry().Collect());
  return out.str();
}

}  // namespace carrel::metrics
