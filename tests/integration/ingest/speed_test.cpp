#include <catch2/catch.hpp>
#include <iostream>
#include <sstream>

#include "../../unit/publication/zip_maker.hpp"
#include "bench.hpp"
#include "server/core/metrics.hpp"
#include "server/core/random.hpp"

using namespace carrel;
using namespace carrel::ingest;
using namespace carrel::ingest::test;

// Not part of a plain run: ingest_test "[.speed]" prints books a second, by the hundred.
TEST_CASE("two thousand books", "[.speed]") {
  bench b;
  b.with.how.workers = 2;
  std::string png = publication::test::make_png(600, 900);
  std::string noise = random_token(90'000);
  for (int i = 0; i < 2000; ++i) {
    std::string n = std::to_string(i);
    std::string name = std::to_string(1000 + i);
    write(b.inbox / (name + ".epub"), epub({.title = "Book " + n,
                                            .author = "Author " + std::to_string(i % 300),
                                            .text = n + " " + noise + noise.substr(static_cast<std::size_t>(i) * 10),
                                            .cover = png + n}));
  }
  auto begin = std::chrono::steady_clock::now(), last = begin;
  ingest_options o;
  o.keep = true;
  o.approve = true;
  std::string line;
  outcome out = ingest_paths(b.with, {b.inbox}, o, [&](std::int64_t done, std::int64_t) {
    if (done % 100 != 0) return;
    auto at = std::chrono::steady_clock::now();
    line += " " + std::to_string(static_cast<int>(100.0 / std::chrono::duration<double>(at - last).count()));
    last = at;
  });
  double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  std::cout << "books a second:" << line << "\nin all: " << 2000.0 / seconds << "\n";
  std::istringstream lines(metrics::expose());
  for (std::string l; std::getline(lines, l);) {
    if (l.find("statement=") != std::string::npos && l.find("_sum") != std::string::npos) std::cout << l << "\n";
  }
  CHECK(out.added.size() == 2000);
}
