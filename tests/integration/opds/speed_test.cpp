#include <atomic>
#include <catch2/catch.hpp>
#include <chrono>
#include <thread>

#include "tests/integration/opds/world.hpp"

using namespace carrel;
using namespace carrel::opds::tests;

namespace {

// Requests a second over a few connections.
double rate(world& w, const std::string& path, const headers& more, int connections, int each) {
  std::vector<std::thread> threads;
  std::atomic<int> good{0};
  auto began = std::chrono::steady_clock::now();
  for (int i = 0; i < connections; ++i) {
    threads.emplace_back([&] {
      auto http = w.as(w.owner);
      for (int n = 0; n < each; ++n) good += http->get(path, more).status < 400;
    });
  }
  for (std::thread& t : threads) t.join();
  std::chrono::duration<double> took = std::chrono::steady_clock::now() - began;
  CHECK(good == connections * each);
  return connections * each / took.count();
}

}  // namespace

TEST_CASE("how many requests a second", "[.speed]") {
  world w;
  w.add_all(w.hostile_books(200));
  auto http = w.as(w.owner);
  std::string tag = http->get("/opds/new").header("ETag");
  WARN("root, kept: " << rate(w, "/opds", {}, 32, 1000) << "/s");
  WARN("newest page, kept: " << rate(w, "/opds/new", {}, 32, 500) << "/s");
  WARN("newest page, 304: " << rate(w, "/opds/new", {{"If-None-Match", tag}}, 32, 1000) << "/s");
  WARN("last page, rendered: " << rate(w, "/opds/new?pos=end", {}, 8, 100) << "/s");
}
