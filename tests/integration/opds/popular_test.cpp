// What the readers of this server read most at present (opds.md 12.1).
#include <algorithm>
#include <catch2/catch.hpp>
#include <pugixml.hpp>
#include <set>

#include "library/download.hpp"
#include "library/opinion.hpp"
#include "library/popular.hpp"
#include "tests/integration/opds/world.hpp"
#include "tests/unit/opds/checks.hpp"

using namespace carrel;
using namespace carrel::opds::tests;

namespace {

using strings = std::vector<std::string>;

const settings switched_on{{"opds.popular", "on"}};

void read_it(world& w, const uuid& user, const made_book& b) {
  w.change([&](db::tx& tx) {
    library::opinion_change c{.state = publication::reading_state::reading};
    REQUIRE(library::change_opinion(tx, user, b.id, c));
  });
}

void fetch_it(world& w, const sign_in& who, const made_book& b) {
  w.change([&](db::tx& tx) { library::record_download(tx, who.user, who.device, b.file, ""); });
}

bool count(world& w) {
  bool changed = false;
  w.change([&](db::tx& tx) { changed = library::count_popular(tx); });
  return changed;
}

bool has(const strings& all, const std::string& one) { return std::find(all.begin(), all.end(), one) != all.end(); }

}  // namespace

TEST_CASE("what most readers had in hand comes first, then what was fetched most, once it was counted") {
  world w(switched_on);
  made_book read = w.add({.title = "Read by two"}), fetched = w.add({.title = "Fetched by one"}),
            begun = w.add({.title = "Begun by one", .format = "pdf", .extension = ".pdf"});
  w.add({.title = "Left alone"});
  sign_in ben = w.add_reader("ben");
  read_it(w, w.owner.user, read);
  read_it(w, ben.user, read);
  read_it(w, w.owner.user, begun);
  fetch_it(w, w.owner, fetched);
  fetch_it(w, w.owner, fetched);
  auto http = w.as(w.owner);
  CHECK(titles_of(http->get("/opds/popular").body).empty());
  CHECK_FALSE(has(titles_of(http->get("/opds").body), "Popular"));

  CHECK(count(w));
  CHECK_FALSE(count(w));
  reply list = http->get("/opds/popular");
  CHECK(titles_of(list.body) == strings{"Read by two", "Fetched by one", "Begun by one"});
  CHECK(titles_of(http->get("/opds/popular?fmt=epub").body) == strings{"Read by two", "Fetched by one"});
  CHECK(titles_of(http->get("/opds/popular?order=title").body) == strings{"Begun by one", "Fetched by one", "Read by two"});
  CHECK(titles_of(http->get("/opds/popular?order=title&fmt=pdf").body) == strings{"Begun by one"});
  CHECK(refused({list.body}) == "");
  reply root = http->get("/opds");
  CHECK(has(titles_of(root.body), "Popular"));
  CHECK(root.body.find("rel=\"http://opds-spec.org/sort/popular\"") != std::string::npos);
  CHECK(http->get("/opds/v2").body.find("http://opds-spec.org/sort/popular") != std::string::npos);
  CHECK(http->get("/opds/v2/popular").body.find("Read by two") < http->get("/opds/v2/popular").body.find("Begun by one"));
  CHECK(http->get("/opds/popular", {{"If-None-Match", list.header("ETag")}}).status == 304);
}

TEST_CASE("popular books are walked both ways, and what an account may not see is not among them") {
  world w(switched_on);
  std::vector<made_book> made;
  for (int i = 0; i < 23; ++i) {
    made.push_back(w.add({.title = "Book " + std::to_string(i), .tags = {i == 5 ? "secret" : "open"}}));
    read_it(w, w.owner.user, made.back());
  }
  count(w);
  library::limits narrow;
  narrow.hidden_tags = {"secret"};
  sign_in child = w.add_reader("child", "limited", &narrow);
  for (const sign_in& who : {w.owner, child}) {
    auto http = w.as(who);
    strings forward, backward;
    std::string last;
    for (std::string at = "/opds/popular?n=5"; !at.empty();) {
      std::string body = http->get(at).body;
      for (const std::string& id : ids_of(body)) forward.push_back(id);
      std::string next = link_of(parsed(body), "next"), end = link_of(parsed(body), "last");
      last = end.empty() ? last : path_of_url(end);
      at = next.empty() ? "" : path_of_url(next);
    }
    CHECK(forward.size() == (who.user == child.user ? 22 : 23));
    for (std::string at = last; !at.empty();) {
      std::string body = http->get(at).body;
      strings page = ids_of(body);
      backward.insert(backward.begin(), page.begin(), page.end());
      std::string previous = link_of(parsed(body), "previous");
      at = previous.empty() ? "" : path_of_url(previous);
    }
    CHECK(std::set<std::string>(backward.begin(), backward.end()) == std::set<std::string>(forward.begin(), forward.end()));
    CHECK(has(forward, "urn:uuid:" + made[5].id.text()) == (who.user != child.user));
  }
}

TEST_CASE("what was read long ago, by disabled accounts, or was thrown away is not popular") {
  world w(switched_on);
  made_book old = w.add({.title = "Old"}), left = w.add({.title = "Of one who left"}), kept = w.add({.title = "Kept"});
  sign_in ben = w.add_reader("ben");
  read_it(w, w.owner.user, old);
  read_it(w, ben.user, left);
  fetch_it(w, ben, left);
  read_it(w, w.owner.user, kept);
  auto http = w.as(w.owner);
  count(w);
  CHECK(titles_of(http->get("/opds/popular").body).size() == 3);
  w.change([&](db::tx& tx) {
    tx.run({"test.long_ago", "update opinions set state_at = now() - interval '100 days' where book_id = $1"}, old.id);
    tx.run({"test.has_left", "update users set disabled_at = now() where id = $1"}, ben.user);
  });
  CHECK(count(w));
  CHECK(titles_of(http->get("/opds/popular").body) == strings{"Kept"});
}

TEST_CASE("unless the owner wants it there is no such list") {
  world w;
  made_book b = w.add({.title = "Tide"});
  read_it(w, w.owner.user, b);
  count(w);
  auto http = w.as(w.owner);
  CHECK(http->get("/opds/popular").status == 404);
  CHECK(http->get("/opds/v2/popular").status == 404);
  CHECK(http->get("/opds").body.find("/popular") == std::string::npos);
}
