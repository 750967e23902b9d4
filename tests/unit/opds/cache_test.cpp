#include <catch2/catch.hpp>

#include "opds/recent_cache.hpp"

using namespace carrel::opds;

TEST_CASE("the cache of bodies and entries stays within its bytes and forgets what was asked for longest ago") {
  recent_cache<std::string> cache(100'000);
  auto body = std::make_shared<const std::string>(10'000, 'x');
  for (int i = 0; i < 9; ++i) cache.keep("k" + std::to_string(i), body, body->size());
  CHECK(cache.find("k0") == body);
  for (int i = 9; i < 12; ++i) cache.keep("k" + std::to_string(i), body, body->size());
  CHECK(cache.find("k0"));
  CHECK_FALSE(cache.find("k1"));
  CHECK(cache.find("k11"));
  cache.keep("huge", std::make_shared<const std::string>(50'000, 'x'), 50'000);
  CHECK_FALSE(cache.find("huge"));
}
