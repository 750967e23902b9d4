#include <catch2/catch.hpp>

#include "library/cursor.hpp"
#include "server/core/text.hpp"

using namespace carrel;
using library::cursor;

TEST_CASE("a cursor reads back and belongs to its list") {
  cursor c{.from = cursor::side::after, .key = "émile 0000000002", .key2 = "x", .id = uuid::make(), .ordinal = 12345};
  std::string token = library::to_token(c, "title:");
  CHECK(token.size() < 100);
  auto back = library::from_token(token, "title:", cursor::side::after);
  REQUIRE(back);
  CHECK(back->key == c.key);
  CHECK(back->key2 == c.key2);
  CHECK(back->id == c.id);
  CHECK(back->ordinal == c.ordinal);
  CHECK_FALSE(library::from_token(token, "newest:", cursor::side::after));
}

TEST_CASE("damaged cursors are refused, never misread into another page") {
  std::string token =
      library::to_token({.from = cursor::side::after, .key = "abc", .key2 = "", .id = uuid::make(), .ordinal = 1}, "l");
  for (std::size_t cut = 0; cut < token.size(); ++cut)
    CHECK_FALSE(library::from_token(token.substr(0, cut), "l", cursor::side::after));
  CHECK_FALSE(library::from_token(token + "AAAA", "l", cursor::side::after));
  CHECK_FALSE(library::from_token("", "l", cursor::side::after));
  CHECK_FALSE(library::from_token("not base64 !", "l", cursor::side::after));
  CHECK_FALSE(library::from_token(std::string(5000, 'A'), "l", cursor::side::after));
  std::string raw = *base64_decode(token);
  raw[6] = '\x7f';  // a length beyond the end
  CHECK_FALSE(library::from_token(base64url(raw), "l", cursor::side::after));
}
