#include <catch2/catch.hpp>
#include <pugixml.hpp>

#include "library/shelf.hpp"
#include "server/core/clock.hpp"
#include "tests/integration/opds/world.hpp"

using namespace carrel;
using namespace carrel::opds::tests;

namespace {

struct thawed {
  ~thawed() { set_clock(std::nullopt); }
};

// Everything there is happened a minute earlier than it did.
void grow_older(world& w) {
  w.other().write_now([](db::tx& tx) {
    tx.run({"test.older_books", "update books set updated_at = updated_at - interval '1 minute'"});
    tx.run({"test.older_catalog", "update catalog_revision set changed_at = changed_at - interval '1 minute'"});
    tx.run({"test.older_accounts", "update users set state_at = state_at - interval '1 minute'"});
  });
}

int again(client& http, const std::string& path, const std::string& etag) {
  return http.get(path, {{"If-None-Match", etag}}).status;
}

}  // namespace

TEST_CASE("a repeated tag answers 304 with the same headers, and any visible change answers 200") {
  world w;
  made_book b = w.add({.title = "First", .tags = {"Tag"}, .cover = true});
  auto http = w.as(w.owner);
  for (const char* path : {"/opds", "/opds/new", "/opds/books", "/opds/authors", "/opds/tags", "/opds/search?q=first"}) {
    INFO(path);
    reply r = http->get(path);
    std::string tag = r.header("ETag");
    REQUIRE(tag.starts_with("\"4-"));
    reply same = http->get(path, {{"If-None-Match", "\"x\", W/" + tag}});
    CHECK(same.status == 304);
    CHECK(same.body.empty());
    CHECK(same.header("ETag") == tag);
    CHECK(same.header("Cache-Control") == "private, no-cache");
    CHECK(same.header("Vary") == r.header("Vary"));
    CHECK(http->head(path, {{"If-None-Match", tag}}).status == 304);
    CHECK(again(*http, path, "*") == 304);
    CHECK(again(*http, path, "\"3-0\"") == 200);
    w.add({.title = std::string("After ") + path});
    CHECK(again(*http, path, tag) == 200);
  }
  std::string entry = "/opds/books/" + b.id.text();
  std::string tag = http->get(entry).header("ETag");
  CHECK(again(*http, entry, tag) == 304);
  w.change([&](db::tx& tx) { REQUIRE(library::edit_book(tx, b.id, {{"title", "Renamed"}}, {})); });
  reply changed = http->get(entry, {{"If-None-Match", tag}});
  CHECK(changed.status == 200);
  CHECK(changed.body.find("Renamed") != std::string::npos);
}

TEST_CASE("an entry is written once for a version of its book and a form of asking") {
  world w;
  made_book first = w.add({.title = "First"}), second = w.add({.title = "Second"});
  sign_in other = w.add_reader("other");
  auto http = w.as(w.owner), theirs = w.as(other);
  auto retitle = [&](const char* title, int versions) {
    w.change([&](db::tx& tx) {
      tx.run({"test.retitle", "update books set title = $2, version = version + $3 where id = $1"}, first.id, title, versions);
    });
  };
  using strings = std::vector<std::string>;
  for (const char* path : {"/opds/new", "/opds/new?n=10", "/opds/books?order=added", "/opds/search?q=e"}) http->get(path);
  CHECK(titles_of(http->get("/opds/new").body) == strings{"Second", "First"});

  // Without a new version the body is made anew and the entry is not: that is how one sees that it was kept.
  retitle("Changed", 0);
  CHECK(titles_of(http->get("/opds/new").body) == strings{"Second", "First"});
  CHECK(titles_of(theirs->get("/opds/new").body) == strings{"Second", "First"});
  CHECK(titles_of(http->get("/opds/new", {{"User-Agent", "KOReader/2025.10"}}).body) == strings{"Second", "Changed"});

  retitle("Changed again", 1);
  for (const char* path : {"/opds/new", "/opds/new?n=10", "/opds/books?order=added"}) {
    INFO(path);
    CHECK(titles_of(http->get(path).body) == strings{"Second", "Changed again"});
  }
  CHECK(titles_of(theirs->get("/opds/new").body) == strings{"Second", "Changed again"});
  std::string narrow = http->get("/opds/new?n=10").body;
  CHECK(narrow.find("/opds/authors/") != std::string::npos);
  CHECK(narrow.find("?n=10</uri>") != std::string::npos);

  w.change([&](db::tx& tx) { library::trash_books(tx, {second.id}, {.user = std::nullopt, .name = "test"}); });
  CHECK(titles_of(http->get("/opds/new").body) == strings{"Changed again"});
}

TEST_CASE("no tag of one account is good for another") {
  world w;
  w.add({.title = "Shared"});
  sign_in other = w.add_reader("other");
  auto a = w.as(w.owner), b = w.as(other);
  for (const char* path : {"/opds", "/opds/new", "/opds/books", "/opds/shelves"}) {
    INFO(path);
    CHECK(a->get(path).header("ETag") != b->get(path).header("ETag"));
    CHECK(again(*b, path, a->get(path).header("ETag")) == 200);
  }
}

TEST_CASE("a change of an own shelf changes root, shelf list and shelf, and nothing else") {
  world w;
  made_book b = w.add({.title = "On a shelf"});
  auto http = w.as(w.owner);
  std::string root = http->get("/opds").header("ETag"), news = http->get("/opds/new").header("ETag");
  uuid shelf = w.other().write_now([&](db::tx& tx) { return library::create_shelf(tx, w.owner.user, "To read", true)->id; });
  CHECK(again(*http, "/opds", root) == 200);
  CHECK(again(*http, "/opds/new", news) == 304);
  std::string path = "/opds/shelves/" + shelf.text();
  std::string list = http->get("/opds/shelves").header("ETag"), own = http->get(path).header("ETag");
  CHECK(titles_of(http->get(path).body).empty());
  w.other().write_now([&](db::tx& tx) { library::add_to_shelf(tx, w.owner.user, shelf, {b.id}); });
  CHECK(again(*http, "/opds/shelves", list) == 200);
  CHECK(again(*http, path, own) == 200);
  CHECK(titles_of(http->get(path).body) == std::vector<std::string>{"On a shelf"});
  CHECK_FALSE(http->get(path).has("Last-Modified"));
  CHECK_FALSE(http->get("/opds").has("Last-Modified"));
}

TEST_CASE("Last-Modified is absent within two seconds of a change and honoured later") {
  thawed after;
  world w;
  w.add({.title = "Fresh"});
  auto http = w.as(w.owner);
  instant changed = now();
  CHECK_FALSE(http->get("/opds/new").has("Last-Modified"));
  set_clock(changed + std::chrono::seconds{5});
  reply r = http->get("/opds/new");
  REQUIRE(r.has("Last-Modified"));
  std::string date = r.header("Last-Modified");
  CHECK(http->get("/opds/new", {{"If-Modified-Since", date}}).status == 304);
  CHECK(http->get("/opds/new", {{"If-Modified-Since", date}, {"If-None-Match", "\"other\""}}).status == 200);
  CHECK_FALSE(http->get("/opds/search?q=fresh").has("Last-Modified"));
  w.add({.title = "Fresher"});
  set_clock(changed + std::chrono::seconds{60});
  CHECK(http->get("/opds/new", {{"If-Modified-Since", http_date(changed - std::chrono::seconds{60})}}).status == 200);
}

TEST_CASE("signed cover links of a feed renew themselves with their window") {
  thawed after;
  world w;
  w.add({.title = "Covered", .cover = true});
  auto http = w.as(w.owner);
  std::string tag = http->get("/opds/new").header("ETag");
  set_clock(now() + std::chrono::hours{72});
  reply later = http->get("/opds/new", {{"If-None-Match", tag}});
  CHECK(later.status == 200);
  CHECK(later.header("ETag") != tag);
}

TEST_CASE("gzip only when it is asked for, and both tags are understood") {
  world w;
  w.add_all(w.hostile_books(20));
  auto http = w.as(w.owner);
  reply plain = http->get("/opds/new"), identity = http->get("/opds/new", {{"Accept-Encoding", "identity"}});
  CHECK_FALSE(plain.has("Content-Encoding"));
  CHECK_FALSE(identity.has("Content-Encoding"));
  reply packed = http->get("/opds/new", {{"Accept-Encoding", "gzip"}});
  CHECK(packed.header("Content-Encoding") == "gzip");
  CHECK(packed.body.size() * 3 < plain.body.size());
  CHECK(packed.header("ETag").ends_with("-gz\""));
  CHECK(again(*http, "/opds/new", packed.header("ETag")) == 304);
  CHECK(again(*http, "/opds/new", plain.header("ETag")) == 304);
  CHECK(plain.header("Vary") == "Authorization, Accept-Encoding, User-Agent, Accept-Language");
}

TEST_CASE("updated of a book tells of its text and cover and is never the time of the request") {
  world w;
  made_book b = w.add({.title = "Dated"});
  auto http = w.as(w.owner);
  auto updated = [&] {
    return std::string(parsed(http->get("/opds/books/" + b.id.text()).body).child("entry").child_value("updated"));
  };
  grow_older(w);
  std::string first = updated();
  thawed after;
  set_clock(now() + std::chrono::hours{1});
  CHECK(updated() == first);
  w.add({.title = "Another"});
  CHECK(updated() == first);
  w.change([&](db::tx& tx) {
    library::new_cover c;
    c.sha256 = std::string(64, 'c');
    c.mime = "image/jpeg";
    c.source = "file";
    c.storage_path = "covers/c";
    c.width = c.height = 10;
    library::set_cover(tx, b.id, c);
  });
  CHECK(updated() != first);
}

TEST_CASE("updated of a feed that shows own shelves follows them, and other feeds stay as they are") {
  world w;
  made_book b = w.add({.title = "On a shelf"});
  uuid shelf = w.other().write_now([&](db::tx& tx) { return library::create_shelf(tx, w.owner.user, "To read", true)->id; });
  grow_older(w);
  auto http = w.as(w.owner);
  auto updated = [&](const std::string& path) {
    return std::string(parsed(http->get(path).body).child("feed").child_value("updated"));
  };
  std::string own = "/opds/shelves/" + shelf.text(), list = updated("/opds/shelves"), root = updated("/opds"),
              books = updated(own), newest = updated("/opds/new");
  w.other().write_now([&](db::tx& tx) { library::add_to_shelf(tx, w.owner.user, shelf, {b.id}); });
  CHECK(updated("/opds/shelves") > list);
  CHECK(updated("/opds") > root);
  CHECK(updated(own) > books);
  CHECK(updated("/opds/new") == newest);
}
