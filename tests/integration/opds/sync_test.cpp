// What a device fetches by itself (opds.md 13).
#include <catch2/catch.hpp>
#include <pugixml.hpp>

#include "library/device.hpp"
#include "library/device_feed.hpp"
#include "library/shelf.hpp"
#include "server/core/clock.hpp"
#include "tests/integration/opds/world.hpp"

using namespace carrel;
using namespace carrel::opds::tests;

namespace {

using strings = std::vector<std::string>;

struct thawed {
  ~thawed() { set_clock(std::nullopt); }
};

struct entry {
  std::string title, first;  // the address of its first acquisition
  int files = 0;
};

std::vector<entry> entries(const std::string& feed) {
  std::vector<entry> out;
  pugi::xml_document doc = parsed(feed);
  for (pugi::xml_node e : doc.child("feed").children("entry")) {
    entry made{.title = e.child_value("title"), .first = {}, .files = 0};
    for (pugi::xml_node l : e.children("link")) {
      if (!std::string(l.attribute("rel").value()).starts_with("http://opds-spec.org/acquisition")) continue;
      if (made.files++ == 0) made.first = l.attribute("href").value();
    }
    out.push_back(made);
  }
  return out;
}

// What was sent before has been written down: a request is answered after all of the one before it is done.
void settle(world& w, client& http) {
  REQUIRE(http.head("/opds").status == 200);
  w.finish_background();
}

std::string listed(world& w, client& http, const std::string& at = "/opds/sync") {
  settle(w, http);
  reply r = http.get(at);
  REQUIRE(r.status == 200);
  settle(w, http);
  return r.body;
}

// KOReader's run (opds.md 13.1): until the address it knows, at most `limit`; it remembers the first whether it got it or not.
struct koreader_sync {
  std::string known{};
  std::size_t limit = 50;

  strings run(world& w, client& http, bool fetch = true) {
    strings got;
    std::string at = "/opds/sync", first;
    while (!at.empty()) {
      std::string body = listed(w, http, at);
      for (const entry& e : entries(body)) {
        REQUIRE(e.files == 1);
        if (e.first == known || got.size() == limit) return done(first, got);
        if (first.empty()) first = e.first;
        got.push_back(e.title);
        if (fetch) REQUIRE(http.get(path_of_url(e.first)).status == 200);
      }
      std::string next = link_of(parsed(body), "next");
      at = next.empty() ? "" : path_of_url(next);
    }
    return done(first, got);
  }

 private:
  strings done(const std::string& first, const strings& got) {
    if (!first.empty()) known = first;
    return got;
  }
};

}  // namespace

TEST_CASE("a device is offered what came since it was made, until it has fetched it") {
  world w;
  w.add({.title = "One"});
  w.add({.title = "Two", .cover = true});
  auto http = w.as(w.owner);
  std::string feed = listed(w, *http);
  CHECK(titles_of(feed) == strings{"Two", "One"});
  for (const char* no : {"http://opds-spec.org/facet", "/sort/new", "opds-pse"}) CHECK(feed.find(no) == std::string::npos);
  reply r = http->get("/opds/sync");
  CHECK(r.header("Cache-Control") == "no-store");
  CHECK_FALSE(r.has("ETag"));
  CHECK_FALSE(r.has("Last-Modified"));

  std::string file = path_of_url(entries(feed).front().first);
  CHECK(http->head(file).status == 200);
  CHECK(http->get(file, {{"Range", "bytes=0-3"}}).status == 206);
  CHECK(titles_of(listed(w, *http)) == strings{"Two", "One"});
  CHECK(http->get(file).status == 200);
  CHECK(titles_of(listed(w, *http)) == strings{"One"});

  sign_in other = w.add_reader("other");
  CHECK(titles_of(listed(w, *w.as(other))).empty());
  w.add({.title = "Three"});
  CHECK(titles_of(listed(w, *w.as(other))) == strings{"Three"});
}

TEST_CASE("a device with shelves is offered those, what was put there last first") {
  world w;
  made_book a = w.add({.title = "A"}), b = w.add({.title = "B"});
  w.add({.title = "Not for it"});
  auto http = w.as(w.owner);
  w.change([&](db::tx& tx) {
    uuid shelf = library::create_shelf(tx, w.owner.user, "For the reader", true)->id;
    library::add_to_shelf(tx, w.owner.user, shelf, {b.id});
    REQUIRE(library::feed_device(tx, w.owner.device, shelf, true));
  });
  CHECK(titles_of(listed(w, *http)) == strings{"B"});
  w.change([&](db::tx& tx) {
    uuid second = library::create_shelf(tx, w.owner.user, "Another", true)->id;
    library::add_to_shelf(tx, w.owner.user, second, {a.id, b.id});
    REQUIRE(library::feed_device(tx, w.owner.device, second, true));
  });
  strings both = titles_of(listed(w, *http));
  CHECK(both.size() == 2);
  w.change([&](db::tx& tx) { library::catch_up(tx, w.owner.device); });
  CHECK(titles_of(listed(w, *http)).empty());
  CHECK(link_of(parsed(listed(w, *http)), "search") != "");
}

TEST_CASE("KOReader fetches what is new, nothing twice, and in the end nothing") {
  world w;
  auto http = w.as(w.owner);
  http->always.emplace_back("User-Agent", "KOReader/2026.07 (Kobo Libra 2)");
  for (int i = 0; i < 12; ++i) w.add({.title = "Book " + std::to_string(i)});
  w.add({.title = "Heard", .format = "m4b", .extension = ".m4b"});
  koreader_sync reader{.limit = 5};
  CHECK(reader.run(w, *http) == strings{"Book 11", "Book 10", "Book 9", "Book 8", "Book 7"});
  CHECK(reader.run(w, *http).size() == 5);
  CHECK(reader.run(w, *http) == strings{"Book 1", "Book 0"});
  CHECK(reader.run(w, *http).empty());
  w.add({.title = "Late"});
  CHECK(reader.run(w, *http) == strings{"Late"});
}

TEST_CASE("what a device did not get has another address the next time, and is given up after three runs") {
  thawed after;
  world w;
  w.add({.title = "One"});
  auto http = w.as(w.owner);
  koreader_sync reader;
  CHECK(reader.run(w, *http, false) == strings{"One"});
  std::string first = reader.known;
  CHECK(first.find('~') == std::string::npos);
  CHECK(reader.run(w, *http, false).empty());  // the same run: as it was

  set_clock(now() + std::chrono::hours{2});
  CHECK(reader.run(w, *http, false) == strings{"One"});
  CHECK(reader.known.find("/~2/") != std::string::npos);
  CHECK(reader.known.substr(reader.known.rfind('/')) == first.substr(first.rfind('/')));
  CHECK(http->get(path_of_url(reader.known), {{"Range", "bytes=0-0"}}).status == 206);

  set_clock(now() + std::chrono::hours{2});
  CHECK(reader.run(w, *http, false) == strings{"One"});
  CHECK(reader.known.find("/~3/") != std::string::npos);
  set_clock(now() + std::chrono::hours{2});
  CHECK(titles_of(listed(w, *http)).empty());
}

TEST_CASE("looking at the list with HEAD is no listing") {
  thawed after;
  world w;
  w.add({.title = "One"});
  auto http = w.as(w.owner);
  CHECK(http->head("/opds/sync").status == 200);
  settle(w, *http);
  set_clock(now() + std::chrono::hours{2});
  CHECK(entries(listed(w, *http)).front().first.find('~') == std::string::npos);
}
