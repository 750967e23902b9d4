#include <catch2/catch.hpp>

#include "server/auth/throttle.hpp"
#include "tests/integration/people/support.hpp"

using namespace carrel;
using namespace carrel::people;

TEST_CASE("rates are read as the setting allows them") {
  CHECK(auth::parse_rate("5/1m").failures == 5);
  CHECK(auth::parse_rate("5/1m").window == std::chrono::seconds{60});
  CHECK(auth::parse_rate("3/h").window == std::chrono::hours{1});
  CHECK(auth::parse_rate("3/10s").window == std::chrono::seconds{10});
  CHECK(auth::parse_rate("1/250ms").window == std::chrono::seconds{1});
  CHECK(auth::parse_rate("nonsense").failures == 5);
}

TEST_CASE("addresses are grouped by network") {
  CHECK(auth::network_of("192.0.2.77") == "192.0.2.0/24");
  CHECK(auth::network_of("::ffff:192.0.2.77") == "192.0.2.0/24");
  CHECK(auth::network_of("2001:db8:1:2:3:4:5:6") == "2001:db8:1:2::/64");
  CHECK(auth::network_of("fe80::1%1") == "fe80::/64");
  CHECK(auth::network_of("unix") == "unix");
  CHECK(auth::network_of("") == "");
}

TEST_CASE("slow failures: ten are free, then up to a second, and forgotten after ten minutes") {
  still_clock clock;
  auth::slow_failures f;
  auto delay = [&] { return f.delay("192.0.2.1", "ada"); };
  for (int i = 0; i < 10; ++i) f.count("192.0.2.1", "ada");
  CHECK(delay().count() == 0);
  f.count("192.0.2.1", "ada");
  CHECK(delay() == std::chrono::milliseconds{100});
  for (int i = 0; i < 50; ++i) f.count("192.0.2.1", "ada");
  CHECK(delay() == std::chrono::seconds{1});
  CHECK(f.delay("192.0.2.1", "ben").count() == 0);
  CHECK(f.delay("192.0.2.2", "ada").count() == 0);
  clock.pass(std::chrono::minutes{10});
  CHECK(delay().count() == 0);
  f.count("192.0.2.1", "ada");
  CHECK(delay().count() == 0);
  for (int i = 0; i < 30'000; ++i) f.count("192.0.2.1", std::to_string(i));  // bounded
  CHECK(delay().count() == 0);
}
