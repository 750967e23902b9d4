#include <catch2/catch.hpp>
#include <pugixml.hpp>
#include <set>

#include "server/core/text.hpp"
#include "tests/integration/opds/world.hpp"
#include "tests/unit/opds/checks.hpp"

using namespace carrel;
using namespace carrel::opds::tests;

namespace {

std::vector<std::string> found(client& http, const std::string& query) {
  reply r = http.get("/opds/search?" + query);
  INFO(query);
  REQUIRE(r.status == 200);
  REQUIRE(r.header("Content-Type") == "application/atom+xml;profile=opds-catalog;kind=acquisition;charset=utf-8");
  return titles_of(r.body);
}

using titles = std::vector<std::string>;

}  // namespace

TEST_CASE("search takes what clients send") {
  world w;
  w.add({.title = "Sea & Salt", .authors = {"Ines Marlow"}, .series = "Tide Riders", .index = 4, .tags = {"Ocean"}});
  w.add({.title = "Ärger im Hafen", .authors = {"Mo Castell"}, .isbn = "9780306406157"});
  auto http = w.as(w.owner);
  CHECK(found(*http, "q=sea%20%26%20salt") == titles{"Sea & Salt"});
  CHECK(found(*http, "q=sea+salt") == titles{"Sea & Salt"});
  CHECK(found(*http, "q=%C3%A4rger") == titles{"Ärger im Hafen"});
  CHECK(found(*http, "q=arger") == titles{"Ärger im Hafen"});
  CHECK(found(*http, "q=haf") == titles{"Ärger im Hafen"});
  CHECK(found(*http, "q=978-0-306-40615-7") == titles{"Ärger im Hafen"});
  CHECK(found(*http, "isbn=0306406152") == titles{"Ärger im Hafen"});
  CHECK(found(*http, "query=marlow") == titles{"Sea & Salt"});
  CHECK(found(*http, "author=marlow&title=") == titles{"Sea & Salt"});
  CHECK(found(*http, "q={searchTerms}&author=castell&title={atom:title?}") == titles{"Ärger im Hafen"});
  CHECK(found(*http, "q=%7BsearchTerms%7D").empty());
  CHECK(found(*http, "").empty());
  CHECK(found(*http, "q=").empty());
  CHECK(found(*http, "q=nothing%20like%20it").empty());
  CHECK(found(*http, "q=" + std::string(8000, 'x')).empty());
  CHECK(found(*http, "q=%00%FF").empty());
  CHECK(found(*http, "tag=ocean") == titles{"Sea & Salt"});
  CHECK(found(*http, "series=tide") == titles{"Sea & Salt"});
}

TEST_CASE("an ISBN that many books have is paged like any result, and other fields narrow it") {
  world w;
  std::vector<book_draft> books;
  for (int i = 0; i < 12; ++i) {
    books.push_back(
        {.title = "Volume " + std::to_string(i), .authors = {i % 6 ? "Ada Fenwick" : "Mo Castell"}, .isbn = "9780306406157"});
  }
  w.add_all(books);
  auto http = w.as(w.owner);
  std::set<std::string> all;
  std::vector<std::size_t> sizes;
  for (std::string at = "/opds/search?n=5&q=9780306406157"; !at.empty();) {
    pugi::xml_document doc = parsed(http->get(at).body);
    CHECK(std::string(doc.child("feed").child_value("opensearch:totalResults")) == "12");
    std::vector<std::string> here = ids_of(http->get(at).body);
    sizes.push_back(here.size());
    all.insert(here.begin(), here.end());
    std::string next = link_of(doc, "next");
    at = next.empty() ? "" : path_of_url(next);
  }
  CHECK(sizes == std::vector<std::size_t>{5, 5, 2});
  CHECK(all.size() == 12);
  CHECK(found(*http, "isbn=9780306406157&author=castell").size() == 2);
  CHECK(found(*http, "q=9780306406157&author=castell&title=volume+6") == titles{"Volume 6"});
  CHECK(found(*http, "isbn=9780306406157&author=nobody").empty());
}

TEST_CASE("an empty result is a valid feed with a total of 0 and search links") {
  world w;
  auto http = w.as(w.owner);
  std::string body = http->get("/opds/search?q=zzzz").body;
  pugi::xml_document doc = parsed(body);
  CHECK(std::string(doc.child("feed").child_value("title")) == "Search: zzzz");
  CHECK(std::string(doc.child("feed").child_value("opensearch:totalResults")) == "0");
  CHECK(link_of(doc, "search").ends_with("/opds/search.xml"));
  CHECK(refused({body, http->get("/opds/search.xml").body, http->get("/opds/search").body}) == "");
}

TEST_CASE("the description document is for everybody and kept for an hour") {
  world w;
  reply r = w.as(w.owner)->get("/opds/search.xml");
  CHECK(r.header("Content-Type") == "application/opensearchdescription+xml;charset=utf-8");
  CHECK(r.header("Cache-Control") == "private, max-age=3600");
  CHECK(r.has("Last-Modified"));
  CHECK(w.as(w.owner)->get("/opds/search.xml", {{"If-None-Match", r.header("ETag")}}).status == 304);
}

TEST_CASE("results are paged to the end, each book once, with the exact total") {
  world w;
  std::vector<book_draft> books;
  for (int i = 0; i < 60; ++i) books.push_back({.title = "Harbour " + std::to_string(i)});
  w.add_all(books);
  auto http = w.as(w.owner);
  std::set<std::string> all;
  std::vector<std::string> pages;
  for (std::string at = "/opds/search?n=25&q=harbour"; !at.empty();) {
    reply r = http->get(at);
    REQUIRE(r.status == 200);
    pages.push_back(r.body);
    for (const std::string& id : ids_of(r.body)) CHECK(all.insert(id).second);
    CHECK(std::string(parsed(r.body).child("feed").child_value("opensearch:totalResults")) == "60");
    CHECK(link_of(parsed(r.body), "last") == "");
    std::string next = link_of(parsed(r.body), "next");
    at = next.empty() ? "" : path_of_url(next);
  }
  CHECK(pages.size() == 3);
  CHECK(all.size() == 60);
  std::string back = path_of_url(link_of(parsed(pages[2]), "previous"));
  CHECK(ids_of(http->get(back).body) == ids_of(pages[1]));
  CHECK(refused(pages) == "");
  CHECK(ids_of(http->get("/opds/search?n=25&q=harbour&startIndex=26").body) == ids_of(pages[1]));
  CHECK(ids_of(http->get("/opds/search?count=25&q=harbour&startPage=2").body) == ids_of(pages[1]));
  // Beyond the end they are as many as before it.
  pugi::xml_document beyond = parsed(http->get("/opds/search?n=25&q=harbour&startIndex=900").body);
  CHECK(std::string(beyond.child("feed").child_value("opensearch:totalResults")) == "60");
  CHECK_FALSE(beyond.child("feed").child("entry"));
}
