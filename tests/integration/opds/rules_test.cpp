// A shelf by rule is a folder like any other (opds.md 12.4).
#include <catch2/catch.hpp>
#include <pugixml.hpp>

#include "library/opinion.hpp"
#include "library/rule_shelf.hpp"
#include "tests/integration/opds/world.hpp"

using namespace carrel;
using namespace carrel::opds::tests;
using publication::reading_state;

TEST_CASE("a shelf by rule is a folder in its rule's order, whose pages and validators follow what changes") {
  world w;
  std::vector<book_draft> drafts;
  for (int i = 0; i < 120; ++i) drafts.push_back({.title = "Book " + std::to_string(1000 + i)});
  std::vector<made_book> books = w.add_all(drafts);
  sign_in ada = w.add_reader("ada");
  uuid shelf{};
  w.change([&](db::tx& tx) {
    library::rule r =
        library::read_rule_text(R"({"all":[{"field":"state","op":"is","value":"unread"}],"sort":"title","descending":true})")
            .value();
    shelf = library::create_rule_shelf(tx, ada.user, "Unread", true, r).value().id;
  });
  auto http = w.as(ada);
  CHECK(titles_of(http->get("/opds/shelves").body) == std::vector<std::string>{"Unread"});

  std::vector<std::string> all;
  std::string first = "/opds/shelves/" + shelf.text();
  for (std::string at = first; !at.empty();) {
    reply r = http->get(at);
    REQUIRE(r.status == 200);
    for (const std::string& title : titles_of(r.body)) all.push_back(title);
    std::string next = link_of(parsed(r.body), "next");
    at = next.empty() ? "" : path_of_url(next);
  }
  REQUIRE(all.size() == 120);
  CHECK(all.front() == "Book 1119");
  CHECK(all.back() == "Book 1000");
  CHECK(std::is_sorted(all.rbegin(), all.rend()));

  reply before = http->get(first);
  CHECK(http->get(first, {{"If-None-Match", before.header("ETag")}}).status == 304);
  w.other().write_now([&](db::tx& tx) {
    REQUIRE(library::change_opinion(tx, ada.user, books.back().id, {.state = reading_state::read}));
    library::settle_rules(tx);
  });
  reply after = http->get(first, {{"If-None-Match", before.header("ETag")}});
  REQUIRE(after.status == 200);
  CHECK(titles_of(after.body).front() == "Book 1118");
  CHECK(w.as(w.owner)->get(first).status == 404);
}
