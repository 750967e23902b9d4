// The sources' own talks, over sockets, from the question to candidates with covers.
#include <catch2/catch.hpp>

#include "ingest/sources/all_sources.hpp"
#include "tests/integration/sources/pictures.hpp"
#include "tests/integration/sources/stage.hpp"

using namespace carrel;
using namespace carrel::ingest::sources;
using namespace carrel::ingest::sources::test;

namespace {

// Google Books knows one edition; its list is shorter than its record, and one of its pictures is grey.
std::string google_says(stand_in& google, const harness::heard& h) {
  if (h.target.find("key=AIza") == std::string::npos)
    return said(
        429,
        R"({"error":{"code":429,"message":"Quota exceeded","status":"RESOURCE_EXHAUSTED","errors":[{"reason":"rateLimitExceeded"}]}})");
  if (h.target.starts_with("/cover")) {
    bool wide = h.target.find("fife=w800") != std::string::npos;
    return said(200, wide ? blank_png(800, 1200) : patterned_jpeg(400, 600), "Content-Type: image/jpeg\r\n");
  }
  std::string info =
      R"("volumeInfo":{"title":"The Example","authors":["A. Writer"],"publisher":"Some House","publishedDate":"2014-03",
    "description":"<p>Text</p><script>alert(1)</script>","industryIdentifiers":[{"type":"ISBN_13","identifier":"9780306406157"}],
    "pageCount":342,"language":"en","imageLinks":{"thumbnail":")" +
      google.url() + R"(/cover?id=x&zoom=1&edge=curl"}})";
  std::string item = R"({"id":"aBcD0123xyzC",)" + info + "}";
  if (h.target.find("/volumes/") != std::string::npos) return said(200, item);
  return said(200, R"({"totalItems":1,"items":[)" + item + "]}");
}

}  // namespace

TEST_CASE("a book is found at Google Books by its ISBN, with a cover, and Open Library may hang meanwhile") {
  stopped_clock clock(at("2026-03-04T12:00:00Z"));
  stage s({}, "google_books,open_library");
  fetch_services real = all_sources(s.with, s.client, s.settings, "0.0-test");
  fetcher process(real, "real");
  s.google.says([&](const harness::heard& h) {
    return h.target.starts_with("/cover")
               ? google_says(s.google, {.method = h.method, .target = h.target + "&key=AIza", .body = {}, .head = {}})
               : google_says(s.google, h);
  });
  s.library.says([](const harness::heard&) { return said(404, "{}"); });
  s.add_book("The Example");
  s.pool.write_now(
      [](db::tx& tx) { tx.script("update books set isbn_13 = '9780306406157', language = 'en', author = 'A. Writer'"); });
  uuid book = *uuid::parse(s.text("select id::text from books"));
  s.ask(book);
  s.run({&process});
  CHECK(s.candidates("google_books") == "aBcD0123xyzC");
  CHECK(s.candidates("open_library").empty());
  CHECK(s.number("select count(*) from book_metadata_candidates where confidence > 0.9 and query_kind = 'isbn' and score_detail "
                 "<> '{}'") == 1);
  CHECK(s.text("select normalized ->> 'title' || ' ' || (normalized ->> 'published_date') from book_metadata_candidates") ==
        "The Example 2014-03");
  CHECK(s.text("select normalized ->> 'description' from book_metadata_candidates").find("script") == std::string::npos);
  CHECK(s.number("select c.width from book_metadata_candidates m join covers c on c.id = m.cover_id") == 400);
  CHECK(s.number("select cover_tried from book_metadata_candidates") == 1);  // the grey one
  CHECK(s.number("select count(*) from jobs where state = 'done' and last_error is null") == 1);
}

TEST_CASE("every source can be tested with a question of its own") {
  stopped_clock clock(at("2026-03-04T12:00:00Z"));
  stage other;
  stage s({{"audnexus.base_url", other.library.url()}}, "google_books,open_library,audnexus");
  fetcher process(all_sources(s.with, s.client, s.settings, "0.0-test"), "real");
  auto nothing = [](const harness::heard&) { return said(404, "{}"); };
  for (stand_in* one : {&s.library, &s.google, &other.library}) one->says(nothing);
  for (const char* id : {"google_books", "open_library", "audnexus"}) {
    s.pool.write_now([&](db::tx& tx) { library::want_source_test(tx, id); });
  }
  s.run({&process});
  CHECK(s.number("select count(*) from metadata_sources where test_result = 'ok' and test_wanted_at is null") == 3);
  CHECK(s.library.count() == 1);
  CHECK(s.google.targets().at(0).find("9780141439518") != std::string::npos);
  CHECK(other.library.count() == 1);
}
