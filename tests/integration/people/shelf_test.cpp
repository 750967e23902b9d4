#include <catch2/catch.hpp>

#include "library/book.hpp"
#include "library/revision.hpp"
#include "library/shelf.hpp"
#include "tests/integration/people/support.hpp"

using namespace carrel;
using namespace carrel::people;
using library::shelf;
using library::shelf_change;

namespace {

struct shelves_home : home {
  library::user ada = add("ada", library::role::owner), ben = add("ben");

  shelf create(const library::user& u, const std::string& name) {
    auto made = write([&](db::tx& tx) { return library::create_shelf(tx, u.id, name, true); });
    REQUIRE(made.ok());
    return *made;
  }
  std::vector<shelf> seen_by(const library::user& u) {
    return read([&](db::tx& tx) { return library::shelves(tx, u.id); });
  }
  result<bool> change(const library::user& u, const uuid& s, const shelf_change& c) {
    return write([&](db::tx& tx) { return library::change_shelf(tx, u.id, s, c); });
  }
  void share(const shelf& s, bool on = true) {
    shelf_change c;
    c.shared = on;
    REQUIRE(*change(ada, s.id, c));
  }
  int put(const library::user& u, const uuid& s, const std::vector<uuid>& books) {
    return write([&](db::tx& tx) { return library::add_to_shelf(tx, u.id, s, books); });
  }
  int take(const library::user& u, const uuid& s, const std::vector<uuid>& books) {
    return write([&](db::tx& tx) { return library::remove_from_shelf(tx, u.id, s, books); });
  }
  std::vector<uuid> books_of(const library::user& u, const uuid& s) {
    return read([&](db::tx& tx) { return library::shelf_books(tx, u.id, s); });
  }
  std::int64_t revision() {
    return read([](db::tx& tx) { return library::current_revision(tx); }).number;
  }
};

}  // namespace

TEST_CASE("a shelf keeps its books in the order in which they were added") {
  shelves_home h;
  shelf s = h.create(h.ada, "Holiday");
  uuid a = h.add_book("A"), b = h.add_book("B"), c = h.add_book("C");
  CHECK(h.put(h.ada, s.id, {c, a}) == 2);
  CHECK(h.put(h.ada, s.id, {b, a, b, uuid::make()}) == 1);
  CHECK(h.books_of(h.ada, s.id) == std::vector<uuid>{c, a, b});
  CHECK(h.seen_by(h.ada)[0].count == 3);
  CHECK(h.take(h.ada, s.id, {a, uuid::make()}) == 1);
  CHECK(h.take(h.ada, s.id, {a}) == 0);
  CHECK(h.put(h.ada, s.id, {a}) == 1);
  CHECK(h.books_of(h.ada, s.id) == std::vector<uuid>{c, b, a});
  CHECK(h.put(h.ada, s.id, {}) == 0);
}

TEST_CASE("books that the account does not see cannot be added, and are not counted") {
  shelves_home h;
  shelf s = h.create(h.ben, "Mine");
  uuid waiting = h.add_book("W", "review"), good = h.add_book("G");
  CHECK(h.put(h.ben, s.id, {waiting, good}) == 1);
  h.write([&](db::tx& tx) { tx.run({"test.trash", "update books set deleted_at = now() where id = $1"}, good); });
  CHECK(h.books_of(h.ben, s.id).empty());
  CHECK(h.seen_by(h.ben)[0].count == 0);
}

TEST_CASE("nobody sees or changes a shelf that is not theirs") {
  shelves_home h;
  shelf s = h.create(h.ada, "Private");
  uuid book = h.add_book("A");
  h.put(h.ada, s.id, {book});
  CHECK(h.seen_by(h.ben).empty());
  CHECK_FALSE(h.read([&](db::tx& tx) { return library::find_shelf(tx, h.ben.id, s.id); }));
  CHECK(h.books_of(h.ben, s.id).empty());
  CHECK(h.put(h.ben, s.id, {book}) == 0);
  CHECK(h.take(h.ben, s.id, {book}) == 0);
  shelf_change c;
  c.name = "Stolen";
  CHECK_FALSE(*h.change(h.ben, s.id, c));
  CHECK_FALSE(h.write([&](db::tx& tx) { return library::delete_shelf(tx, h.ben.id, s.id); }));
  CHECK(h.read([&](db::tx& tx) { return library::shelves_of_book(tx, h.ben.id, book); }).empty());

  h.share(s);
  CHECK(h.seen_by(h.ben).size() == 1);
  CHECK(h.books_of(h.ben, s.id) == std::vector<uuid>{book});
  CHECK(h.put(h.ben, s.id, {h.add_book("B")}) == 0);
  CHECK_FALSE(*h.change(h.ben, s.id, c));
}

TEST_CASE("own shelves come first, then shared ones") {
  shelves_home h;
  shelf shared = h.create(h.ada, "Alpha");
  h.share(shared);
  h.create(h.ben, "zeta");
  h.create(h.ben, "Beta");
  auto seen = h.seen_by(h.ben);
  REQUIRE(seen.size() == 3);
  CHECK(seen[0].name == "Beta");
  CHECK(seen[1].name == "zeta");
  CHECK(seen[2].name == "Alpha");
  CHECK(seen[2].user_name == "ada");

  shelf own = h.create(h.ben, "ALPHA");
  auto named = h.read([&](db::tx& tx) { return library::find_shelf_named(tx, h.ben.id, "alpha"); });
  CHECK(named->id == own.id);
  CHECK(h.read([&](db::tx& tx) { return library::find_shelf_named(tx, h.ben.id, shared.id.text()); })->id == shared.id);
  using namespace std::string_view_literals;
  CHECK_FALSE(h.read([&](db::tx& tx) { return library::find_shelf_named(tx, h.ben.id, "alpha\0"sv); }));

  (void)h.write([&](db::tx& tx) { return library::set_role(tx, h.ben.id, library::role::owner); });
  (void)h.write([&](db::tx& tx) { return library::disable_user(tx, h.ada.id, true); });
  CHECK(h.seen_by(h.ben).size() == 3);
}

TEST_CASE("an account with limits sees only shared shelves with a book it may see") {
  shelves_home h;
  shelf s = h.create(h.ada, "Horror");
  h.share(s);
  uuid book = h.add_book("A");
  h.put(h.ada, s.id, {book});
  json::object tagged{{"tags", json::array{"Horror"}}};
  REQUIRE(h.write([&](db::tx& tx) { return library::edit_book(tx, book, tagged, {.user = std::nullopt, .name = "ada"}); }));
  library::limits l;
  l.hidden_tags = {"horror"};
  h.write([&](db::tx& tx) { library::set_limits(tx, h.ben.id, l); });
  CHECK(h.seen_by(h.ben).empty());
  CHECK_FALSE(h.read([&](db::tx& tx) { return library::find_shelf(tx, h.ben.id, s.id); }));
  h.put(h.ada, s.id, {h.add_book("B")});
  REQUIRE(h.seen_by(h.ben).size() == 1);
  CHECK(h.seen_by(h.ben)[0].count == 1);
}

TEST_CASE("names of shelves are checked and unique for an account") {
  shelves_home h;
  h.create(h.ada, "Holiday");
  CHECK_THROWS_AS(h.create(h.ada, "HOLIDAY"), db::unique_violation);
  CHECK_NOTHROW(h.create(h.ben, "Holiday"));
  shelf other = h.create(h.ada, "1/2: \xF0\x9F\x90\xB1");
  shelf_change c;
  c.name = "holiday";
  CHECK_THROWS_AS(h.change(h.ada, other.id, c), db::unique_violation);
  for (const std::string& bad : {std::string(), std::string(256, 'x'), std::string("a\0b", 3), std::string("a\tb")}) {
    auto made = h.write([&](db::tx& tx) { return library::create_shelf(tx, h.ada.id, bad, true); });
    REQUIRE_FALSE(made.ok());
    CHECK(made.error().field == "name");
    c.name = bad;
    CHECK_FALSE(h.change(h.ada, other.id, c).ok());
  }
}

TEST_CASE("a change is one only when something differs") {
  shelves_home h;
  shelf s = h.create(h.ada, "Holiday");
  shelf_change c;
  c.name = "Holiday";
  c.collection = true;
  CHECK_FALSE(*h.change(h.ada, s.id, c));
  c.name = "HOLIDAY";
  c.collection = false;
  c.opds = false;
  CHECK(*h.change(h.ada, s.id, c));
  shelf now = *h.read([&](db::tx& tx) { return library::find_shelf(tx, h.ada.id, s.id); });
  CHECK(now.name == "HOLIDAY");
  CHECK_FALSE(now.collection);
  CHECK_FALSE(now.opds);
  CHECK_FALSE(*h.change(h.ada, uuid::make(), c));
}

TEST_CASE("feeds that show a shelf change with it") {
  shelves_home h;
  auto state = [&] { return h.load(h.ada.id).state; };
  std::int64_t s0 = state(), r0 = h.revision();
  shelf s = h.create(h.ada, "Holiday");
  uuid book = h.add_book("A");
  h.put(h.ada, s.id, {book});
  h.put(h.ada, s.id, {book});  // nothing new
  CHECK(state() == s0 + 2);
  CHECK(h.revision() == r0);

  h.share(s);
  h.take(h.ada, s.id, {book});
  CHECK(state() == s0 + 4);
  CHECK(h.revision() == r0 + 2);
  CHECK(h.write([&](db::tx& tx) { return library::delete_shelf(tx, h.ada.id, s.id); }));
  CHECK(h.revision() == r0 + 3);
}

TEST_CASE("the shelves of a book are those the viewer sees") {
  shelves_home h;
  shelf own = h.create(h.ada, "Own"), other = h.create(h.ben, "His");
  uuid book = h.add_book("A");
  h.put(h.ada, own.id, {book});
  h.put(h.ben, other.id, {book});
  auto on = h.read([&](db::tx& tx) { return library::shelves_of_book(tx, h.ada.id, book); });
  REQUIRE(on.size() == 1);
  CHECK(on[0].id == own.id);
  CHECK(h.read([&](db::tx& tx) { return library::shelves_of_book(tx, h.ada.id, uuid::make()); }).empty());
}
