#include "library/rule_shelf.hpp"

#include <catch2/catch.hpp>

#include "library/book.hpp"
#include "library/device.hpp"
#include "library/merge.hpp"
#include "library/opinion.hpp"
#include "library/position.hpp"
#include "library/revision.hpp"
#include "library/rule_work.hpp"
#include "tests/harness/coroutines.hpp"
#include "tests/harness/eventually.hpp"
#include "tests/integration/library/shelf_of_books.hpp"

using namespace carrel;
using namespace carrel::library;
using publication::reading_state;

namespace {

constexpr db::statement sql_trash{"test.rule_trash", "update books set deleted_at = now() where id = $1"};
constexpr db::statement sql_link{"test.rule_link", R"sql(
  update documents set book_id = $2, link = 'manual' where user_id = $1 and document = $3)sql"};
constexpr db::statement sql_kobo_read{"test.rule_kobo_read", R"sql(
  insert into kobo_states (user_id, entitlement, created_at, status, status_at, finished_at)
  select $1, entitlement, now(), '{"Status": "Finished"}', now(), now() from books where id = $2)sql"};
constexpr db::statement sql_age{"test.rule_age", "update books set created_at = now() - make_interval(days => $2) where id = $1"};
constexpr db::statement sql_yesterday{"test.rule_yesterday",
                                      "update shelves set rule_day = current_date - 1 where kind = 'rule'"};
constexpr db::statement sql_places{"test.rule_places", "select book_id, position from shelf_books where shelf_id = $1"};
constexpr db::statement sql_state{"test.rule_state", "select state from users where id = $1"};
constexpr db::statement sql_waits{"test.rule_waits",
                                  "select (select count(*) from rule_changes) + (select count(*) from rule_due)"};

rule rule_from(const std::string& text) { return read_rule_text(text).value(); }
const std::string all_books = R"({"all":[]})", unread = R"({"all":[{"field":"state","op":"is","value":"unread"}]})";
std::string on(const uuid& shelf, const std::string& op = "is") {
  return R"({"all":[{"field":"shelf","op":")" + op + R"(","value":")" + shelf.text() + "\"}]}";
}

struct room : harness::library_db {
  template <class F>
  auto write(F f) {
    return pool().write_now(std::move(f));
  }
  result<bool> set(const uuid& shelf, const std::string& text, std::optional<uuid> who = {}) {
    return write([&](db::tx& tx) { return set_rule(tx, who.value_or(reader()), shelf, rule_from(text)); });
  }
  uuid by_rule(const std::string& name, const std::string& text, std::optional<uuid> who = {}) {
    return write(
        [&](db::tx& tx) { return create_rule_shelf(tx, who.value_or(reader()), name, true, rule_from(text)).value().id; });
  }
  uuid by_hand(const std::string& name, std::optional<uuid> who = {}) {
    return write([&](db::tx& tx) { return create_shelf(tx, who.value_or(reader()), name, true)->id; });
  }
  void put(const uuid& shelf, const uuid& book, std::optional<uuid> who = {}) {
    write([&](db::tx& tx) { return add_to_shelf(tx, who.value_or(reader()), shelf, {book}); });
  }
  void settle() { write(settle_rules); }
  // As they stand there; what waits is not worked off.
  std::vector<uuid> held(const uuid& shelf, std::optional<uuid> viewer = {}) {
    return pool().read_now([&](db::tx& tx) { return shelf_books(tx, viewer.value_or(reader()), shelf); });
  }
  std::vector<uuid> books(const uuid& shelf, std::optional<uuid> viewer = {}) {
    settle();
    return held(shelf, viewer);
  }
  void say(const uuid& book, reading_state s, std::optional<uuid> who = {}) {
    write([&](db::tx& tx) { return change_opinion(tx, who.value_or(reader()), book, {.state = s}); });
  }
  void share(const uuid& shelf, bool on, std::optional<uuid> who = {}) {
    shelf_change c;
    c.shared = on;
    REQUIRE(write([&](db::tx& tx) { return change_shelf(tx, who.value_or(reader()), shelf, c); }).value());
  }
  void read_to(const uuid& book, double percentage) {
    write([&](db::tx& tx) {
      position p;
      p.user = reader();
      p.document = "d" + book.text();
      p.progress = "x";
      p.device = "Reader";
      p.device_key = "n:Reader/";
      p.percentage = percentage;
      p.timestamp = unix_seconds(now());
      put_positions(tx, {p}, {});
      tx.run(sql_link, reader(), book, p.document);
    });
  }
  std::int64_t state_of(const uuid& user) {
    return pool().read_now([&](db::tx& tx) { return tx.run(sql_state, user)[0].integer(0); });
  }
  std::int64_t waits() {
    return pool().read_now([](db::tx& tx) { return tx.run(sql_waits)[0].integer(0); });
  }
  std::string wrong(const uuid& shelf, const std::string& text) {
    result<bool> set_it = set(shelf, text);
    return set_it ? "" : set_it.error().field;
  }
};

using ids = std::vector<uuid>;

}  // namespace

TEST_CASE("a shelf by rule holds what fits as soon as it is made, and nothing can be put on it by hand") {
  room r;
  uuid a = r.add({.title = "A"}), b = r.add({.title = "B", .language = "de"});
  uuid shelf = r.by_rule("German", R"({"all":[{"field":"language","op":"is","value":"de"}]})");
  CHECK(r.held(shelf) == ids{b});
  r.put(shelf, a);
  CHECK(r.held(shelf) == ids{b});
  CHECK(r.write([&](db::tx& tx) { return remove_from_shelf(tx, r.reader(), shelf, {b}); }) == 0);
  std::optional<library::shelf> s = r.write([&](db::tx& tx) { return find_shelf(tx, r.reader(), shelf); });
  REQUIRE(s);
  CHECK(s->kind == "rule");
  CHECK(s->count == 1);
  CHECK(r.write([&](db::tx& tx) { return rule_of(tx, r.reader(), shelf); }).has_value());
  CHECK_FALSE(r.write([&](db::tx& tx) { return rule_of(tx, r.owner(), shelf); }));
}

TEST_CASE("what is said, read, found on a Kobo, edited, added or thrown away is on the shelf or off it") {
  room r;
  uuid shelf = r.by_rule("Unread", unread);
  uuid a = r.add({.title = "A"}), b = r.add({.title = "B"}), c = r.add({.title = "C"}), d = r.add({.title = "D"});
  CHECK(r.books(shelf) == ids{d, c, b, a});

  r.say(a, reading_state::read);
  CHECK(r.books(shelf) == ids{d, c, b});
  r.read_to(b, 0.3);
  CHECK(r.books(shelf) == ids{d, c});
  r.write([&](db::tx& tx) { tx.run(sql_kobo_read, r.reader(), c); });
  CHECK(r.books(shelf) == ids{d});
  r.write([&](db::tx& tx) { tx.run(sql_trash, d); });
  CHECK(r.books(shelf).empty());
  r.write([&](db::tx& tx) { return undo_opinion(tx, r.reader(), a); });
  CHECK(r.books(shelf) == ids{a});
  r.say(a, reading_state::read, r.owner());  // somebody else's reading
  CHECK(r.books(shelf) == ids{a});

  uuid tagged = r.by_rule("Sea", R"({"any":[{"field":"tag","op":"is","value":"sea"}]})");
  CHECK(r.books(tagged).empty());
  r.write([&](db::tx& tx) {
    json::array tags;
    tags.emplace_back("Sea");
    return edit_book(tx, a, json::object{{"tags", tags}}, {}).ok();
  });
  CHECK(r.books(tagged) == ids{a});
  uuid inbox = r.add({.title = "Waiting", .status = "inbox", .tags = {"sea"}});
  CHECK(r.books(tagged) == ids{a});
  r.write([&](db::tx& tx) { tx.script("update books set status = 'organized' where id = '" + inbox.text() + "'"); });
  CHECK(r.books(tagged) == ids{inbox, a});
}

TEST_CASE("a page that is turned is no work for rules, a book that is begun or finished is") {
  room r;
  uuid book = r.add({.title = "A"});
  uuid shelf = r.by_rule("Unread", unread);
  r.read_to(book, 0.002);
  r.settle();
  r.read_to(book, 0.003);
  CHECK(r.waits() == 0);
  r.read_to(book, 0.2);
  CHECK(r.waits() == 1);
  CHECK(r.books(shelf).empty());
  r.read_to(book, 0.3);
  CHECK(r.waits() == 0);
}

TEST_CASE("libraries without rules pay nothing") {
  room r;
  uuid a = r.add({.title = "A"});
  r.say(a, reading_state::read);
  r.put(r.by_hand("Hand"), a);
  CHECK(r.waits() == 0);
  r.by_rule("All", all_books, r.owner());
  r.say(a, reading_state::unread);  // of a reader who has no rule
  CHECK(r.waits() == 0);
}

TEST_CASE("books keep their places when one comes or goes, and a limit pushes the last one off") {
  room r;
  auto places = [&](const uuid& shelf) {
    std::map<uuid, std::int64_t> out;
    r.pool().read_now([&](db::tx& tx) {
      for (const db::row& row : tx.run(sql_places, shelf)) out[row.id(0)] = row.integer(1);
      return 0;
    });
    return out;
  };
  uuid b = r.add({.title = "B"}), d = r.add({.title = "D"});
  uuid shelf = r.by_rule("By title", R"({"all":[],"sort":"title"})");
  std::map<uuid, std::int64_t> before = places(shelf);
  uuid c = r.add({.title = "C"}), a = r.add({.title = "A"}), e = r.add({.title = "E"});
  CHECK(r.books(shelf) == ids{a, b, c, d, e});
  std::map<uuid, std::int64_t> after = places(shelf);
  CHECK((after[b] == before[b] && after[d] == before[d]));

  uuid three = r.by_rule("First three", R"({"all":[],"sort":"title","limit":3})");
  CHECK(r.books(three) == ids{a, b, c});
  uuid zero = r.add({.title = "0"});
  CHECK(r.books(three) == ids{zero, a, b});
  r.write([&](db::tx& tx) { tx.run(sql_trash, a); });
  CHECK(r.books(three) == ids{zero, b, c});
  r.write([&](db::tx& tx) { return edit_book(tx, b, json::object{{"title", "Z"}}, {}).ok(); });
  CHECK(r.books(three) == ids{zero, c, d});
  CHECK(r.books(shelf) == ids{zero, c, d, e, b});
}

TEST_CASE("each reader's rule finds what that reader sees, and a shared shelf shows a viewer no more than that") {
  room r;
  uuid fine = r.add({.title = "Fine"}), hidden = r.add({.title = "Hidden", .tags = {"horror"}});
  uuid of_owner = r.by_rule("All", all_books, r.owner());
  limits l;
  l.hidden_tags = {"horror"};
  uuid of_reader = r.by_rule("All", all_books);
  CHECK(r.books(of_reader) == ids{hidden, fine});
  r.write([&](db::tx& tx) { set_limits(tx, r.reader(), l); });
  CHECK(r.books(of_reader) == ids{fine});
  r.share(of_owner, true, r.owner());
  CHECK(r.books(of_owner, r.owner()) == ids{hidden, fine});
  CHECK(r.books(of_owner, r.reader()) == ids{fine});
  CHECK_FALSE(r.write([&](db::tx& tx) { return rule_of(tx, r.reader(), of_owner); }));
  // A rule of one's own that speaks of that shelf is no way around it.
  CHECK(r.books(r.by_rule("Theirs", on(of_owner))) == ids{fine});
  r.share(of_owner, false, r.owner());
  CHECK(r.books(of_owner, r.reader()).empty());

  r.write([&](db::tx& tx) { set_limits(tx, r.reader(), {}); });
  CHECK(r.books(of_reader) == ids{hidden, fine});
}

TEST_CASE("a rule may speak of shelves, which change it as they change, and never of itself") {
  room r;
  uuid a = r.add({.title = "A"}), b = r.add({.title = "B"});
  uuid hand = r.by_hand("Hand"), first = r.by_rule("First", on(hand)), second = r.by_rule("Second", on(first)),
       rest = r.by_rule("Rest", on(second, "is_not"));
  CHECK(r.books(rest) == ids{b, a});
  r.put(hand, a);
  CHECK(r.books(first) == ids{a});
  CHECK(r.held(second) == ids{a});
  CHECK(r.held(rest) == ids{b});

  CHECK(r.wrong(first, on(first)) == "cycle");
  CHECK(r.wrong(first, on(rest)) == "cycle");
  CHECK(r.wrong(first, on(uuid::make())) == "shelf");
  CHECK(r.wrong(first, on(r.by_hand("Private", r.owner()))) == "shelf");
  CHECK(r.books(first) == ids{a});

  // Two readers, each with a shared shelf that speaks of the other's.
  uuid theirs = r.by_rule("Theirs", all_books, r.owner());
  r.share(theirs, true, r.owner());
  uuid mine = r.by_rule("Mine", on(theirs));
  r.share(mine, true);
  result<bool> back = r.set(theirs, on(mine), r.owner());
  REQUIRE_FALSE(back);
  CHECK(back.error().field == "cycle");

  // A shelf that is gone, or not shared any more, is an empty one.
  r.share(theirs, false, r.owner());
  CHECK(r.books(mine).empty());
  r.write([&](db::tx& tx) { return delete_shelf(tx, r.reader(), hand); });
  CHECK(r.books(second).empty());
  CHECK(r.held(rest) == ids{b, a});
}

TEST_CASE("only an empty shelf becomes one by rule, and one by rule keeps its books when its rule goes") {
  room r;
  uuid a = r.add({.title = "A"}), b = r.add({.title = "B"});
  uuid shelf = r.by_hand("Hand");
  r.put(shelf, a);
  CHECK(r.wrong(shelf, all_books) == "hand");
  uuid of_device = r.write([&](db::tx& tx) { return create_device_list(tx, r.reader(), "On the device").value(); });
  CHECK(r.wrong(of_device, all_books) == "hand");
  CHECK_FALSE(r.set(shelf, all_books, r.owner()).value());
  r.write([&](db::tx& tx) { return remove_from_shelf(tx, r.reader(), shelf, {a}); });
  CHECK(r.set(shelf, all_books).value());
  CHECK(r.held(shelf) == ids{b, a});
  CHECK(r.write([&](db::tx& tx) { return set_rule(tx, r.reader(), shelf, std::nullopt); }).value());
  uuid c = r.add({.title = "C"});
  CHECK(r.books(shelf) == ids{b, a});
  r.put(shelf, c);
  CHECK(r.held(shelf) == ids{b, a, c});
}

TEST_CASE("the days of a rule move on at midnight") {
  room r;
  uuid old = r.add({.title = "Old"}), fresh = r.add({.title = "Fresh"});
  r.write([&](db::tx& tx) { tx.run(sql_age, old, 29); });
  uuid shelf = r.by_rule("Lately", R"({"all":[{"field":"added","op":"within_days","value":30}]})");
  CHECK(r.books(shelf) == ids{fresh, old});
  // As if the shelf had been right two days ago.
  r.write([&](db::tx& tx) {
    tx.script("alter table books disable trigger books_rules");
    tx.run(sql_age, old, 31);
    tx.script("alter table books enable trigger books_rules");
    tx.run(sql_yesterday);
  });
  CHECK(r.pool().read_now(rules_waiting));
  CHECK(r.books(shelf) == ids{fresh});
}

TEST_CASE("a merged book stands on shelves by rule as what it has become") {
  room r;
  uuid a = r.add({.title = "A"}), b = r.add({.title = "B", .tags = {"sea"}});
  uuid shelf = r.by_rule("Sea", R"({"all":[{"field":"tag","op":"is","value":"sea"}]})"), all = r.by_rule("All", all_books);
  CHECK(r.books(shelf) == ids{b});
  auto merged = r.write([&](db::tx& tx) { return merge_books(tx, a, {b}, merge_act::merge, {r.owner(), "owner"}); });
  REQUIRE(merged);
  CHECK(r.books(all) == ids{a});
  auto undone = r.write([&](db::tx& tx) { return undo_merge(tx, merged->merge, {r.owner(), "owner"}); });
  REQUIRE(undone);
  CHECK(r.books(shelf) == ids{b});
  CHECK(r.books(all) == ids{b, a});
}

TEST_CASE("an account that is away keeps its shelves as they were") {
  room r;
  uuid a = r.add({.title = "A"});
  uuid shelf = r.by_rule("All", all_books);
  r.write([&](db::tx& tx) { return disable_user(tx, r.reader(), true); });
  uuid b = r.add({.title = "B"});
  r.settle();
  r.write([&](db::tx& tx) { return disable_user(tx, r.reader(), false); });
  CHECK(r.held(shelf) == ids{a});
  CHECK(r.books(shelf) == ids{b, a});
}

TEST_CASE("who has a shelf by rule is told when it changes, and only then") {
  room r;
  uuid a = r.add({.title = "A"});
  uuid shelf = r.by_rule("Unread", unread);
  std::int64_t before = r.state_of(r.reader());
  r.say(a, reading_state::wanted);
  r.settle();
  std::int64_t told = r.state_of(r.reader());
  CHECK(told > before + 1);  // the word, and the shelf that the book has left
  r.say(a, reading_state::read);
  r.settle();
  CHECK(r.state_of(r.reader()) == told + 1);  // the word alone

  auto revision = [&] { return r.pool().read_now([](db::tx& tx) { return current_revision(tx).number; }); };
  r.share(shelf, true);
  std::int64_t shown = revision();
  r.say(a, reading_state::unread);
  r.settle();
  CHECK(revision() > shown);  // others see it, too
}

TEST_CASE("the thread works off what others changed, and ends when it is told to") {
  room r;
  uuid shelf = r.by_rule("All", all_books);
  std::string url = r.pool().options().url;
  db::notifier ears(url);
  rule_work work(r.pool(), ears);
  work.start();
  uuid a = r.add({.title = "A"});
  CHECK(harness::eventually([&] { return r.held(shelf) == ids{a}; }));
  work.stop();
  uuid b = r.add({.title = "B"});
  CHECK(r.held(shelf) == ids{a});
  harness::run_one(rules_up_to_date(r.pool(), r.owner()));  // who does not see the shelf
  CHECK(r.held(shelf) == ids{a});
  harness::run_one(rules_up_to_date(r.pool(), r.reader()));
  CHECK(r.held(shelf) == ids{b, a});
}
