// metadata-providers.md 7.
#include <catch2/catch.hpp>

#include "replies.hpp"

using namespace carrel;
using namespace carrel::test;

TEST_CASE("custom: one search, one record for each match") {
  talk_result t = held("custom:mine", example(), {{"/search", ok(custom_matches())}});
  REQUIRE(t.asked.size() == 1);
  CHECK(t.asked[0].target == "/search?query=The%20Example&author=A.%20Writer&isbn=9780306406157&mediaType=book");
  REQUIRE(t.found.size() == 1);
  const src::record& r = t.found[0];
  CHECK(r.authors == std::vector<std::string>{"A. Writer", "B. Other"});
  CHECK(r.narrators == std::vector<std::string>{"N. Arrator"});
  CHECK(r.published_year == 2014);
  CHECK(r.duration_seconds == 36000.0);
  CHECK(r.genres == std::vector<std::string>{"Fantasy"});
  CHECK(r.tags == std::vector<std::string>{"Dragons"});
  CHECK(r.series[0].position == 2.0);
  CHECK(r.language == "en");
  CHECK(r.isbn_13 == "9780306406157");
  CHECK(r.asin == "B00EXAMPLE");
  CHECK(r.cover.url == "https://mine.example/c.jpg");
  CHECK(r.provider_key.size() == 20);
}

TEST_CASE("custom: a title is enough, and the same match is the same record") {
  talk_result t = held("custom:mine", example(),
                       {{"/search", ok(R"({"matches":[{"title":"One"},{"title":"One"},{"title":"Two"},{"subtitle":"x"}]})")}});
  CHECK(t.found.size() == 2);
  CHECK(held("custom:mine", {}, {}).asked.empty());
}

TEST_CASE("sources that nobody knows do not talk") {
  for (const char* name : {"", "custom:", "amazon", "embedded"}) CHECK_FALSE(src::converse(name, example()));
  for (const char* name : {"google_books", "open_library", "hardcover", "audnexus", "custom:x"})
    CHECK(src::converse(name, example()));
}
