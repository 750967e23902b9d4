#pragma once
// The process's counters, read by /metrics. A thin layer over prometheus-cpp so that its headers stay here.

#include <cstdint>
#include <functional>
#include <map>
#include <string>

namespace carrel::metrics {

using labels = std::map<std::string, std::string>;

// Handles are cheap to copy, live as long as the process, and may be used from any thread.
class counter {
 public:
  void add(double n = 1) const;
  void* impl = nullptr;
};

class gauge {
 public:
  void set(double) const;
  void add(double) const;
  void* impl = nullptr;
};

class histogram {
 public:
  void observe(double) const;
  void* impl = nullptr;
};

counter make_counter(const std::string& name, const std::string& help, const labels& = {});
gauge make_gauge(const std::string& name, const std::string& help, const labels& = {});
// Buckets for seconds from 0.1 ms to 10 s.
histogram make_histogram(const std::string& name, const std::string& help, const labels& = {});

// The text exposition format, version 0.0.4.
std::string expose();

}  // namespace carrel::metrics
