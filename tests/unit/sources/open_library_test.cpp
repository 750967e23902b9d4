// metadata-providers.md 4.
#include <catch2/catch.hpp>

#include "replies.hpp"

using namespace carrel;
using namespace carrel::test;

namespace {

src::reply to(std::string location) {
  src::reply r;
  r.status = 302;
  r.location = std::move(location);
  return r;
}

std::string without(std::string text, const std::string& part) {
  std::size_t at = text.find(part);
  REQUIRE(at != std::string::npos);
  return text.erase(at, part.size());
}

}  // namespace

TEST_CASE("open library: search and edition together make one record") {
  talk_result t = held("open_library", example(),
                       {{"/search.json", ok(open_library_search())},
                        {"/isbn/", to("/books/OL123M.json")},
                        {"/books/OL123M.json", ok(open_library_edition())}});
  REQUIRE(t.asked.size() == 3);
  CHECK(t.asked[0].target.starts_with("/search.json?isbn=9780306406157&fields=key%2Ctitle"));
  CHECK(t.asked[0].target.find("editions.cover_i&limit=10") != std::string::npos);
  CHECK(t.asked[1].target == "/isbn/9780306406157.json");
  CHECK(t.asked[2].target == "/books/OL123M.json");
  CHECK(t.asked[2].kind == "isbn");
  REQUIRE(t.found.size() == 1);
  const src::record& r = t.found[0];
  CHECK(r.provider_key == "OL123M");
  CHECK(r.query_kind == "isbn");
  CHECK(r.subtitle == "a story");
  CHECK(r.authors == std::vector<std::string>{"A. Writer"});
  CHECK(r.publisher == "Some House");
  CHECK(r.published_date == "2014-03");
  CHECK(r.original_year == 2009);
  CHECK(r.language == "en");
  CHECK(r.isbn_13 == "9780306406157");
  CHECK(r.isbn_10 == "0306406152");
  CHECK(r.asin == "B00ABCDEFG");
  CHECK(r.page_count == 342);
  CHECK(r.description == "<p>About <i>it</i>.</p>");
  CHECK(r.genres == std::vector<std::string>{"Magic"});
  REQUIRE(r.series.size() == 1);
  CHECK(r.series[0].name == "Examples");
  CHECK(r.series[0].position == 2.0);
  CHECK(r.cover.url == "https://covers.openlibrary.org/b/id/8231997-L.jpg?default=false");
  CHECK(r.url == "https://openlibrary.org/books/OL123M");
  CHECK(r.identifiers ==
        decltype(r.identifiers){{"openlibrary_work", "OL45W"}, {"openlibrary_edition", "OL123M"}, {"goodreads", "1"}});
}

TEST_CASE("open library: of a work's mixed lists nothing is taken") {
  std::string no_edition = without(open_library_search(), R"({"key":"/books/OL123M","title":"The Example","language":["eng"],
      "isbn":["9780306406157"],"publisher":["Some House"],"publish_date":["March 2014"],"cover_i":555})");
  src::question q = example();
  q.isbn_13.clear();
  talk_result t = held("open_library", q, {{"/search.json", ok(no_edition)}});
  REQUIRE(t.found.size() == 1);
  const src::record& r = t.found[0];
  CHECK(r.provider_key == "OL45W");
  CHECK(r.publisher.empty());
  CHECK(r.language.empty());
  CHECK(r.isbn_13.empty());
  CHECK_FALSE(r.published_year);
  CHECK(r.original_year == 2009);
  CHECK(r.page_count == 300);
  CHECK(r.cover.url == "https://covers.openlibrary.org/b/id/8231996-L.jpg?default=false");
  // By its number the work is known to have the edition; another edition's facts are still not its own.
  t = held("open_library", example(), {{"/search.json?isbn", ok(no_edition)}});
  REQUIRE(t.found.size() == 1);
  CHECK(t.found[0].isbn_13 == "9780306406157");
  CHECK_FALSE(t.found[0].page_count);
}

TEST_CASE("open library: documents of other numbers are not the answer to a number") {
  std::string others = open_library_search();
  for (std::size_t at = 0; (at = others.find("9780306406157")) != std::string::npos;) others.replace(at, 13, "9783161484100");
  others = without(others, ",\"0306406152\"");
  talk_result t = held("open_library", example(), {{"/search.json?isbn", ok(others)}});
  CHECK(t.found.empty());
  REQUIRE(t.asked.size() == 3);
  CHECK(t.asked[2].kind == "search");
}

TEST_CASE("open library: when the number is unknown the title is searched for") {
  talk_result t =
      held("open_library", example(), {{"/search.json?title", ok(open_library_search())}, {"/works/", ok(open_library_work())}});
  REQUIRE(t.asked.size() == 4);
  CHECK(t.asked[2].target.starts_with("/search.json?title=The%20Example&author=A.%20Writer&lang=en&fields="));
  CHECK(t.asked[3].target == "/works/OL45W.json");
  REQUIRE(t.found.size() == 1);
  CHECK(t.found[0].query_kind == "search");
  CHECK(t.found[0].description == "<p>Of the work.</p>");
  CHECK(t.found[0].publisher == "Some House");
}

TEST_CASE("open library: authors that only the work names are looked up") {
  std::string edition = without(open_library_edition(), R"("authors":[{"key":"/authors/OL1A"}],)");
  talk_result t = held(
      "open_library", example(),
      {{"/isbn/", ok(edition)}, {"/works/OL45W", ok(open_library_work())}, {"/authors/OL1A", ok(R"({"name":"A. Writer"})")}});
  REQUIRE(t.found.size() == 1);
  CHECK(t.found[0].authors == std::vector<std::string>{"A. Writer"});
  CHECK(t.asked.back().target == "/authors/OL1A.json");
  CHECK(t.asked.size() == 4);
}

TEST_CASE("open library: a merged record is followed once, a deleted one is nothing") {
  auto merged = [](const char* into) {
    return ok(std::string(R"({"type":{"key":"/type/redirect"},"location":")") + into + "\"}");
  };
  talk_result t =
      held("open_library", example(), {{"/isbn/", merged("/books/OL9M")}, {"/books/OL9M", ok(open_library_edition())}});
  REQUIRE(t.found.size() == 1);
  t = held(
      "open_library", example(),
      {{"/isbn/", merged("/books/OL9M")}, {"/books/OL9M", merged("/books/OL10M")}, {"/books/OL10M", ok(open_library_edition())}});
  CHECK(t.found.empty());
  t = held("open_library", example(),
           {{"/isbn/", ok(R"({"key":"/books/OL123M","type":{"key":"/type/delete"},"title":"The Example"})")}});
  CHECK(t.found.empty());
}

TEST_CASE("open library: redirects end, and lead nowhere else") {
  talk_result t = held("open_library", example(), {{"/isbn/", to("/books/OL1M")}, {"/books/", to("/books/OL1M")}});
  CHECK(t.asked.size() == 6);
  for (const char* elsewhere :
       {"http://169.254.169.254/latest", "//evil.example/x", "/works/OL1W", "/books/../x", "", "/books/OLM"}) {
    INFO(elsewhere);
    t = held("open_library", example(), {{"/isbn/", to(elsewhere)}});
    CHECK(t.asked.size() == 3);
    CHECK(t.asked[2].target.starts_with("/search.json?title"));
  }
  t = held("open_library", example(), {{"/isbn/", to("https://evil.example/books/OL7M/The_Example.json")}});
  for (const src::ask& a : t.asked) CHECK(a.target.find("evil") == std::string::npos);
}

TEST_CASE("open library: a redirect may name the whole address") {
  talk_result t =
      held("open_library", example(),
           {{"/isbn/", to("http://127.0.0.1:99/ol/books/OL123M.json?x=1")}, {"/books/OL123M.json", ok(open_library_edition())}});
  CHECK(t.found.size() == 1);
}

TEST_CASE("open library: addresses are those of the settings") {
  src::preferences local;
  local.open_library_url = "http://127.0.0.1:9/ol";
  local.open_library_covers_url = "http://127.0.0.1:9/covers";
  talk_result t = held("open_library", example(), {{"/isbn/", ok(open_library_edition())}}, local);
  REQUIRE(t.found.size() == 1);
  CHECK(t.found[0].cover.url == "http://127.0.0.1:9/covers/b/id/8231997-L.jpg?default=false");
  CHECK(t.found[0].url == "http://127.0.0.1:9/ol/books/OL123M");
}
