#include <catch2/catch.hpp>

#include "kobo/states.hpp"
#include "kobo/sync_token.hpp"
#include "server/core/clock.hpp"
#include "server/core/text.hpp"

using namespace carrel;
using namespace carrel::kobo;

TEST_CASE("a token comes back as it was written, and only to the row it was written for") {
  uuid row = uuid::make();
  sync_token t{.epoch = 3, .session = 9'000'000'000, .next = 20'000, .done = true, .store_page = 4};
  std::string text = write_token(t, row, "key");
  CHECK(text.size() < 300);
  CHECK(text.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=") == std::string::npos);
  CHECK(read_token(text, row, "key") == t);
  CHECK(read_token("  " + text + "\r\n", row, "key") == t);
  CHECK_FALSE(read_token(text, uuid::make(), "key"));
  CHECK_FALSE(read_token(text, row, "another"));
}

TEST_CASE("tokens of others and damaged ones are none") {
  uuid row = uuid::make();
  std::string good = write_token({.epoch = 0, .session = 41, .next = 2}, row, "key");
  for (std::size_t i = 0; i < good.size(); ++i) {
    std::string damaged = good;
    damaged[i] = damaged[i] == 'x' ? 'y' : 'x';
    INFO(damaged);
    CHECK_FALSE(read_token(damaged, row, "key"));
  }
  for (const std::string& other :
       {std::string(), std::string("e30="), std::string("null"), base64("[]"), base64(R"({"version":"1-1-0","data":{}})"),
        std::string("KOMGA.eyJ2IjoxfQ"), std::string("eyJ0eXAiOjF9.eyJJIjoiIn0="), std::string(100'000, 'A'),
        base64(std::string(200, '[')), base64(R"({"v":1,"e":0,"s":41,"n":2,"d":7,"m":"0000000000000000"})"),
        base64(R"({"v":1,"e":0.5,"s":1e99,"n":-2,"d":0,"m":1})")}) {
    INFO(other.substr(0, 60));
    CHECK_FALSE(read_token(other, row, "key"));
  }
}

TEST_CASE("the times that Kobos write are understood, others are not") {
  std::optional<instant> at = parse_time("2026-08-17T17:56:53Z");
  REQUIRE(at);
  CHECK(rfc3339(*at) == "2026-08-17T17:56:53Z");
  CHECK(parse_time("2026-08-17T17:56:53.254Z") == *at + std::chrono::milliseconds(254));
  CHECK(parse_time("2026-08-17T17:56:53.1234567Z") == *at + std::chrono::microseconds(123456));
  CHECK(parse_time("2026-08-17T17:56:53+00:00") == at);
  for (const char* wrong :
       {"", "2026", "2026-13-01T00:00:00Z", "2026-02-30T00:00:00Z", "2026-08-17T25:00:00Z", "2026-08-17T17:56:53+02:00",
        "2026-08-17T17:56:53.Z", "2026-08-17T17:56:53.12345678Z", "20x6-08-17T17:56:53Z", "2026-08-17T17:56:5"}) {
    INFO(wrong);
    CHECK_FALSE(parse_time(wrong));
  }
}
