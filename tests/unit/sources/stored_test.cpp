// Records that were stored, read again (metadata-providers.md 8 and 9.2).
#include "ingest/sources/stored.hpp"

#include <catch2/catch.hpp>

#include "replies.hpp"

using namespace carrel;
using namespace carrel::ingest::sources;

TEST_CASE("a record that was stored is to the rules what it was") {
  carrel::test::talk_result t = carrel::test::held("google_books", carrel::test::example(),
                                                   {{"isbn%3A", carrel::test::ok(carrel::test::google_list())},
                                                    {"/volumes/", carrel::test::ok(carrel::test::google_volume())}});
  REQUIRE(t.found.size() == 1);
  const record& was = t.found[0];
  record is = record_from(json::read_object(json::dump(was.normalized())).value());
  CHECK(is.title == was.title);
  CHECK(is.subtitle == was.subtitle);
  CHECK(is.authors == was.authors);
  CHECK(is.publisher == was.publisher);
  CHECK(is.published_date == was.published_date);
  CHECK(is.published_year == was.published_year);
  CHECK(is.language == was.language);
  CHECK(is.isbn_13 == was.isbn_13);
  CHECK(is.isbn_10 == was.isbn_10);
  CHECK(is.identifiers == was.identifiers);
  CHECK(is.description == was.description);
  CHECK(is.page_count == was.page_count);
  CHECK(is.genres == was.genres);
  CHECK(is.cover.url == was.cover.url);
  local_book mine = local_of(carrel::test::example());
  score before = rate(mine, was), after = score_from(before.confidence, before.detail);
  CHECK(before.identifier == identity::same);
  CHECK(after.identifier == before.identifier);
  CHECK(after.confidence == before.confidence);
}

TEST_CASE("a series keeps position zero, a half, and none") {
  record was;
  was.series = {{"A", 0, "", {}, true}, {"B", 1.5, "1 1/2", 3, false}, {"C", {}, "", {}, false}};
  record is = record_from(json::read_object(json::dump(was.normalized())).value());
  REQUIRE(is.series.size() == 3);
  CHECK(is.series[0].position == 0.0);
  CHECK(is.series[0].primary);
  CHECK(is.series[1].position == 1.5);
  CHECK(is.series[1].position_text == "1 1/2");
  CHECK_FALSE(is.series[2].position.has_value());
}

TEST_CASE("members of another form are unknown") {
  for (
      const char* text :
      {R"({})", R"({"title":7,"authors":"A","series":{"name":"x"},"identifiers":[1],"cover":"http://x","genres":[1]})",
       R"({"page_count":"12","published_year":-4,"series":[1,{},{"name":""}],"cover":{"url":1,"width":-3},"identifiers":{"x":null}})",
       R"({"page_count":99999999999,"published_year":0,"asin":[],"description":{}})"}) {
    INFO(text);
    record r = record_from(json::read_object(text).value());
    CHECK(r.normalized().empty());
  }
  CHECK(score_from(0.5, json::read_object(R"({"identifier":1})").value()).identifier == identity::unknown);
  CHECK(score_from(0.5, {}).identifier == identity::unknown);
}
