#include "opds/progression_document.hpp"

#include <catch2/catch.hpp>

#include "opds/manifest_parts.hpp"
#include "opds/streaming.hpp"

using namespace carrel;
using namespace carrel::opds;

namespace {

const instant noon{std::chrono::sys_days{std::chrono::year{2026} / 5 / 4} + std::chrono::hours(12)};

std::string told(const std::string& modified) {
  return R"({"modified": ")" + modified + R"(", "device": {"id": "a", "name": "A"}, "progression": 0.5})";
}

}  // namespace

TEST_CASE("moments are read with their zone and kept in milliseconds") {
  auto text = [](const char* in) {
    std::optional<instant> at = parse_moment(in);
    return at ? milliseconds_text(*at) : "none";
  };
  CHECK(text("2026-05-04T20:15:09Z") == "2026-05-04T20:15:09.000Z");
  CHECK(text("2026-05-04T20:15:09.12Z") == "2026-05-04T20:15:09.120Z");
  CHECK(text("2026-05-04T20:15:09.123999Z") == "2026-05-04T20:15:09.123Z");
  CHECK(text("2026-05-04T22:15:09.120+02:00") == "2026-05-04T20:15:09.120Z");
  CHECK(text("2026-05-04T22:15:09+0200") == "2026-05-04T20:15:09.000Z");
  CHECK(text("2026-05-04T15:45:09-04:30") == "2026-05-04T20:15:09.000Z");
  CHECK(text("2026-05-04t20:15:09z") == "2026-05-04T20:15:09.000Z");
  for (const char* bad :
       {"", "yesterday", "2026-05-04", "2026-05-04T20:15:09", "2026-13-04T20:15:09Z", "2026-05-04T25:15:09Z", "infinity",
        "-infinity", "2026-05-04T20:15:09Z BC", "2026-05-04T20:15:09Zx", "2026-05-04T20:15:09+99:99:99:99"}) {
    INFO(bad);
    CHECK(text(bad) == "none");
  }
}

TEST_CASE("a clock that is more than five minutes ahead or years behind is not believed") {
  auto read = [](const char* modified) { return milliseconds_text(read_progression(told(modified), noon).value().modified); };
  CHECK(read("2026-05-04T12:04:59Z") == "2026-05-04T12:04:59.000Z");
  CHECK(read("2026-05-04T12:05:01Z") == "2026-05-04T12:00:00.000Z");
  CHECK(read("2020-01-01T00:00:00Z") == "2020-01-01T00:00:00.000Z");
  CHECK(read("2019-12-31T23:59:59Z") == "2026-05-04T12:00:00.000Z");
}

TEST_CASE("what was read comes back in the form of the draft") {
  result<progression_document> d = read_progression(
      R"({"title": "Chapter 7", "modified": "2026-05-04T10:15:09.120Z", "device": {"id": "urn:uuid:1", "name": "Kitchen \"tablet\""},
          "progression": 0.41873, "references": ["OEBPS/ch07.xhtml#p12"], "unknown": [1, {"a": null}]})",
      noon);
  REQUIRE(d);
  CHECK(json::dump(to_json(*d)) ==
        R"({"title":"Chapter 7","modified":"2026-05-04T10:15:09.120Z","device":{"id":"urn:uuid:1","name":"Kitchen \"tablet\""},)"
        R"("progression":0.41873,"references":["OEBPS/ch07.xhtml#p12"]})");
}

TEST_CASE("fragments tell pages and seconds") {
  CHECK(number_in_fragment({"#page=17"}, "page") == 17);
  CHECK(number_in_fragment({"x", "book.pdf#page=17"}, "page") == 17);
  CHECK(number_in_fragment({"t=849.25"}, "t") == 849.25);
  CHECK_FALSE(number_in_fragment({"#page=x", "#pages=3", "page", "#t=-1"}, "page"));
  CHECK_FALSE(number_in_fragment({"#t=1e99"}, "t"));
}

TEST_CASE("widths are bounded and come in hundreds") {
  CHECK(asked_width(std::nullopt) == 0);
  for (const char* nonsense : {"", "0", "-1", "abc", "{maxWidth}", "1.5", "999999999999999999999"})
    CHECK(asked_width(nonsense) == 0);
  CHECK(asked_width("1") == 200);
  CHECK(asked_width("201") == 300);
  CHECK(asked_width("300") == 300);
  CHECK(asked_width("999999") == 4000);
}

TEST_CASE("a huge book has no more positions than a big one") {
  publication::outline o;
  o.format = "epub";
  for (int i = 0; i < 100; ++i) o.order.push_back({.path = std::to_string(i), .type = {}, .packed = 1ULL << 30});
  CHECK(positions_of(o).size() <= 20'200);
  o.fixed_layout = true;
  CHECK(positions_of(o).size() == 100);
  o.order = {{.path = "a", .type = {}, .packed = 0}, {.path = "b", .type = {}, .packed = 2049}};
  o.fixed_layout = false;
  REQUIRE(positions_of(o).size() == 4);
  CHECK(positions_of(o)[3].progression == Approx(2.0 / 3));
  CHECK(positions_of(o)[3].total_progression == 0.75);
}
