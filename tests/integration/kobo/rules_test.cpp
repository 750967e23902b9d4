// A shelf by rule feeds a Kobo like one that is made by hand (kobo.md 11, 17).
#include "library/device.hpp"
#include "library/opinion.hpp"
#include "library/rule_shelf.hpp"
#include "tests/integration/kobo/storefront.hpp"

using namespace carrel;
using namespace carrel::kobo::tests;
using publication::reading_state;

namespace {

constexpr db::statement sql_entitlement{"test.rule_entitlement", "select entitlement from books where id = $1"};

// A store whose Kobo is fed by a shelf by rule, and by one that is empty.
struct with_rule : storefront {
  reader r;
  uuid rule_shelf = db.pool().write_now([&](db::tx& tx) {
    library::rule unread = library::read_rule_text(R"({"all":[{"field":"state","op":"is","value":"unread"}]})").value();
    uuid id = library::create_rule_shelf(tx, db.reader(), "Unread", true, unread).value().id;
    library::feed_device(tx, device, id, true);
    return id;
  });

  void say(const uuid& book, reading_state s) {
    db.pool().write_now([&](db::tx& tx) {
      REQUIRE(library::change_opinion(tx, db.reader(), book, {.state = s}));
      library::settle_rules(tx);
    });
  }
  uuid add(const std::string& title) {
    uuid book = db.add({.title = title});
    db.pool().write_now(library::settle_rules);
    return book;
  }
  std::string entitlement(const uuid& book) {
    return db.pool().read_now([&](db::tx& tx) { return tx.run(sql_entitlement, book)[0].id(0).text(); });
  }
  std::set<std::string> held() const {
    std::set<std::string> out;
    for (const auto& [id, book] : r.library) out.insert(book.title);
    return out;
  }
};

using titles = std::set<std::string>;

}  // namespace

TEST_CASE("what a rule finds comes to the Kobo, leaves it and comes back, and the collection follows") {
  with_rule s;
  uuid one = s.add("One"), two = s.add("Two");
  s.sync(s.r);
  CHECK(s.held() == titles{"One", "Two"});
  REQUIRE(s.r.tags.contains(s.rule_shelf.text()));
  CHECK(s.r.tags.at(s.rule_shelf.text()).first == "Unread");
  CHECK(s.r.tags.at(s.rule_shelf.text()).second.size() == 2);
  std::string token = s.r.token;
  s.sync(s.r);
  CHECK(s.r.token == token);  // nothing new

  s.say(one, reading_state::read);
  s.sync(s.r);
  CHECK(s.held() == titles{"Two"});
  CHECK(s.r.tags.at(s.rule_shelf.text()).second == std::set{s.entitlement(two)});

  s.say(one, reading_state::unread);
  s.add("Three");
  s.sync(s.r);
  CHECK(s.held() == titles{"One", "Two", "Three"});
  CHECK(s.r.tags.at(s.rule_shelf.text()).second.size() == 3);
}

TEST_CASE("a collection by rule that is changed on the Kobo is said again as it is") {
  with_rule s;
  s.add("One");
  s.add("Two");
  s.sync(s.r);
  std::string tag = s.rule_shelf.text(), one = s.r.library.begin()->first;
  std::string items = R"({"Items":[{"RevisionId":")" + one + R"(","Type":"ProductRevisionTagItem"}]})";
  CHECK(s.ask("POST", "/v1/library/tags/" + tag + "/items/delete", {}, items).status == 200);
  s.r.tags.at(tag).second.erase(one);
  s.sync(s.r);
  CHECK(s.r.tags.at(tag).second.size() == 2);
  CHECK(s.r.library.size() == 2);
}
