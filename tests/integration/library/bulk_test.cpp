#include <algorithm>
#include <catch2/catch.hpp>

#include "library/bulk.hpp"
#include "library/change.hpp"
#include "library/shelf.hpp"
#include "tests/integration/library/shelf_of_books.hpp"

using namespace carrel;
using harness::library_db;
using library::bulk_edit;
using library::bulk_run;
using strings = std::vector<std::string>;

namespace {

const library::actor ada{.user = std::nullopt, .name = "ada"};

bulk_edit setting(const std::string& field, const json::value& value) {
  return {.how = bulk_edit::kind::set, .field = field, .value = value};
}
bulk_edit adding(const std::string& field, const strings& names) {
  return {.how = bulk_edit::kind::add, .field = field, .value = names};
}

class desk {
 public:
  explicit desk(library_db& db) : db_(db) {}

  template <class F>
  auto write(F f) {
    return db_.pool().write_now(f);
  }
  uuid start(const std::string& act, const std::vector<uuid>& books) {
    return write([&](db::tx& tx) {
      uuid run = library::start_bulk(tx, db_.owner(), ada, act, "");
      library::choose_books(tx, run, db_.owner(), books);
      return run;
    });
  }
  std::optional<error> ask(const uuid& run, const library::bulk_request& r) {
    return write([&](db::tx& tx) { return library::request_bulk(tx, run, db_.owner(), r); });
  }
  bulk_run step(const uuid& run) {
    return *write([&](db::tx& tx) { return library::step_bulk(tx, run, db_.owner()); });
  }
  bulk_run work(const uuid& run) {
    bulk_run r = step(run);
    for (int i = 0; i < 1000 && !r.at_rest(); ++i) r = step(run);
    REQUIRE(r.at_rest());
    return r;
  }
  bulk_run preview(const std::vector<uuid>& books, const std::vector<bulk_edit>& edits, bool locked_too = false) {
    uuid run = start("edit", books);
    library::bulk_request r;
    r.edits = edits;
    r.locked_too = locked_too;
    REQUIRE_FALSE(ask(run, r));
    return work(run);
  }
  bulk_run begin(const uuid& run) {
    REQUIRE(write([&](db::tx& tx) { return library::begin_bulk(tx, run); }));
    return work(run);
  }
  bulk_run undo(const uuid& run) {
    REQUIRE(write([&](db::tx& tx) { return library::undo_bulk(tx, run); }));
    return work(run);
  }
  std::vector<library::bulk_change> changes(const uuid& run) {
    return write([&](db::tx& tx) { return library::bulk_changes(tx, run, {}, 1000); });
  }
  library::book show(const uuid& book) {
    return *write([&](db::tx& tx) { return library::find_book(tx, db_.owner(), book); });
  }
  bool edit(const uuid& book, const json::object& changes) {
    return write([&](db::tx& tx) { return library::edit_book(tx, book, changes, ada).ok(); });
  }
  std::string marks(const uuid& book) {
    static constexpr db::statement sql{"test.marks",
                                       "select locked_fields::text || field_sources::text from books where id = $1"};
    return write([&](db::tx& tx) { return tx.run(sql, book)[0].text(0); });
  }

 private:
  library_db& db_;
};

strings tags_of(const library::book& b) {
  strings out;
  for (const library::tag& t : b.tags) out.push_back(t.name);
  return out;
}

json::value shown_as(const library::book& b, const std::string& field) {
  if (field == "publisher") return b.publisher;
  if (field == "tags") {
    strings names = tags_of(b);
    std::sort(names.begin(), names.end());
    return names;
  }
  if (field == "authors") {
    strings names;
    for (const library::person& p : b.authors) names.push_back(p.name);
    return names;
  }
  return json::object{{"name", b.series}, {"index", b.series_index}};
}

}  // namespace

TEST_CASE("what a preview lists is what then happens, to each book, and nothing else") {
  library_db db;
  desk d(db);
  std::vector<uuid> books{db.add({.title = "One", .author = "A. Fenwick", .series = "Lights", .tags = {"Sea"}, .index = 1}),
                          db.add({.title = "Two", .author = "Tomás Quill", .series = "Lights", .tags = {"Harbour"}, .index = 2}),
                          db.add({.title = "Three", .author = "Ada Fenwick"})};
  uuid other = db.add({.title = "Untouched", .author = "A. Fenwick"});
  bulk_edit rename{.how = bulk_edit::kind::replace, .field = "authors", .value = {}, .from = "a. fenwick", .to = "Ada Fenwick"};
  bulk_run r = d.preview(books, {setting("publisher", "Gale"), adding("tags", {"Sea", "Night"}), rename,
                                 setting("series", json::object{{"name", "Beacons"}})});
  CHECK(r.state == "ready");
  CHECK(r.counts.books == 3);
  CHECK(r.counts.to_change == 3);
  std::vector<library::bulk_change> listed = d.changes(r.id);
  CHECK(static_cast<std::int64_t>(listed.size()) == r.counts.fields);
  CHECK(listed.size() == 10);  // three publishers, three lists of tags, three series, one author
  CHECK(d.show(books[0]).publisher.empty());

  r = d.begin(r.id);
  CHECK(r.state == "done");
  CHECK(r.counts.done == 3);
  for (const library::bulk_change& c : listed) {
    INFO(c.title << " " << c.field);
    json::value after = c.after;
    if (c.field == "tags") {
      strings names;
      json::object{{"list", after}}.take("list", names);
      std::sort(names.begin(), names.end());
      after = names;
    }
    CHECK(library::means_the_same(after, shown_as(d.show(c.book), c.field)));
  }
  CHECK(d.show(books[0]).series_index == 1);
  CHECK(d.show(books[2]).series_index == std::nullopt);
  CHECK(d.show(other).authors.front().name == "A. Fenwick");
  CHECK(d.show(other).version == 1);
}

TEST_CASE("an undone run leaves values, sources and locks as they were") {
  library_db db;
  desk d(db);
  uuid id = db.add({.title = "The Lighthouse", .author = "Ada Fenwick", .series = "Coast", .tags = {"Sea"}, .index = 2.5});
  REQUIRE(d.edit(id, {{"publisher", "Gale"}}));
  library::book before = d.show(id);
  std::string marks = d.marks(id);
  bulk_run r = d.preview({id},
                         {setting("title", "A Harbour"),
                          setting("publisher", "Tide"),
                          adding("authors", {"Tomás Quill"}),
                          {.how = bulk_edit::kind::clear, .field = "series"},
                          setting("page_count", 12)},
                         true);
  CHECK(r.counts.fields == 5);
  d.begin(r.id);
  library::book changed = d.show(id);
  CHECK(changed.title_sort == "Harbour, A");
  CHECK(changed.series.empty());
  CHECK(changed.locked_fields.size() == 5);

  r = d.undo(r.id);
  CHECK(r.state == "undone");
  CHECK(r.counts.undone == 1);
  CHECK(r.counts.kept == 0);
  library::book after = d.show(id);
  CHECK(after.title == before.title);
  CHECK(after.title_sort == before.title_sort);
  CHECK(after.publisher == "Gale");
  CHECK(after.series == "Coast");
  CHECK(after.series_index == 2.5);
  CHECK(after.authors.size() == 1);
  CHECK(after.authors[0].sort == before.authors[0].sort);
  CHECK(after.page_count == std::nullopt);
  CHECK(d.marks(id) == marks);
}

TEST_CASE("locked fields are left alone and listed, unless they are asked for") {
  library_db db;
  desk d(db);
  uuid locked = db.add({.title = "Locked"}), open = db.add({.title = "Open"});
  REQUIRE(d.edit(locked, {{"publisher", "Gale"}}));
  bulk_run r = d.preview({locked, open}, {setting("publisher", "Tide"), adding("tags", {"Night"})});
  CHECK(r.counts.locked == 1);
  CHECK(r.counts.fields == 3);
  d.begin(r.id);
  CHECK(d.show(locked).publisher == "Gale");
  CHECK(tags_of(d.show(locked)) == strings{"Night"});
  CHECK(d.show(open).publisher == "Tide");
  d.begin(d.preview({locked}, {setting("publisher", "Tide")}, true).id);
  CHECK(d.show(locked).publisher == "Tide");
}

TEST_CASE("what somebody changed or locked after the preview stays, and what changed after the run is not taken back") {
  library_db db;
  desk d(db);
  uuid a = db.add({.title = "A"}), b = db.add({.title = "B"}), gone = db.add({.title = "C"});
  bulk_run r = d.preview({a, b, gone}, {setting("publisher", "Tide"), adding("tags", {"Night"})});
  REQUIRE(d.edit(a, {{"publisher", "By hand"}}));
  d.write([&](db::tx& tx) { return library::trash_books(tx, {gone}, ada); });
  r = d.begin(r.id);
  CHECK(r.counts.done == 2);
  CHECK(r.counts.failed == 1);
  CHECK(r.counts.stale == 1);
  CHECK(d.show(a).publisher == "By hand");
  std::vector<library::bulk_outcome> problems = d.write([&](db::tx& tx) { return library::bulk_problems(tx, r.id, 0, 10); });
  REQUIRE(problems.size() == 1);
  CHECK(problems[0].book == gone);
  CHECK(problems[0].reason == "gone");

  REQUIRE(d.edit(b, {{"publisher", "Later"}}));
  r = d.undo(r.id);
  CHECK(r.counts.undone == 2);
  CHECK(r.counts.kept == 1);
  CHECK(d.show(b).publisher == "Later");
  CHECK(tags_of(d.show(b)).empty());
  CHECK(d.show(a).publisher == "By hand");
}

TEST_CASE("a run goes on where it was, whenever it was interrupted, and each book is changed once") {
  library_db db;
  desk d(db);
  std::vector<uuid> books;
  for (int i = 0; i < 57; ++i) books.push_back(db.add({.title = "Book " + std::to_string(i)}));
  bulk_run r = d.preview(books, {adding("tags", {"Night"})});
  REQUIRE(d.write([&](db::tx& tx) { return library::begin_bulk(tx, r.id); }));
  d.step(r.id);
  struct killed {};
  // The process dies within a step: nothing of that step has happened.
  CHECK_THROWS_AS(d.write([&](db::tx& tx) -> int {
    library::step_bulk(tx, r.id, db.owner());
    throw killed{};
  }),
                  killed);
  bulk_run half = d.write([&](db::tx& tx) { return *library::find_bulk(tx, r.id); });
  CHECK(half.counts.done == 20);
  r = d.work(r.id);
  CHECK(r.counts.done == 57);
  for (const uuid& book : books) CHECK(d.show(book).version == 2);
}

TEST_CASE("a cancelled run can go on or be taken back as far as it came") {
  library_db db;
  desk d(db);
  std::vector<uuid> books;
  for (int i = 0; i < 45; ++i) books.push_back(db.add({.title = "Book " + std::to_string(i)}));
  bulk_run r = d.preview(books, {setting("publisher", "Tide")});
  REQUIRE(d.write([&](db::tx& tx) { return library::begin_bulk(tx, r.id); }));
  d.step(r.id);
  REQUIRE(d.write([&](db::tx& tx) { return library::cancel_bulk(tx, r.id); }));
  CHECK(d.step(r.id).counts.done == 20);
  CHECK(d.begin(r.id).counts.done == 45);
  r = d.undo(r.id);
  CHECK(r.counts.undone == 45);
  for (const uuid& book : books) CHECK(d.show(book).publisher.empty());
}

TEST_CASE("all that match a filter are collected, and the set stays what it was") {
  library_db db;
  desk d(db);
  for (int i = 0; i < 30; ++i) db.add({.title = "Harbour " + std::to_string(i), .language = i % 3 == 0 ? "de" : "en"});
  db.add({.title = "Hill"});
  uuid run = d.write([&](db::tx& tx) {
    uuid id = library::start_bulk(tx, db.owner(), ada, "edit", "harbour");
    library::filter f;
    f.text = "harbour";
    f.language = "de";
    library::choose_matching(tx, id, f);
    return id;
  });
  bulk_run r = d.work(run);
  CHECK(r.state == "chosen");
  CHECK(r.counts.books == 10);
  db.add({.title = "Harbour too late", .language = "de"});
  library::bulk_request wanted;
  wanted.edits = {setting("publisher", "Tide")};
  REQUIRE_FALSE(d.ask(run, wanted));
  CHECK(d.work(run).counts.to_change == 10);
}

TEST_CASE("putting on a shelf, trashing and approving run and are undone in the same way") {
  library_db db;
  desk d(db);
  uuid there = db.add({.title = "There"}), fresh = db.add({.title = "Fresh"}), waits = db.add({.title = "W", .status = "review"});
  uuid shelf = d.write([&](db::tx& tx) { return library::create_shelf(tx, db.owner(), "Night", true).value().id; });
  d.write([&](db::tx& tx) { return library::add_to_shelf(tx, db.owner(), shelf, {there}); });
  auto on = [&] { return d.write([&](db::tx& tx) { return library::shelf_books(tx, db.owner(), shelf); }); };
  library::bulk_request to_shelf;
  to_shelf.shelf = shelf;

  uuid run = d.start("shelf", {there, fresh});
  REQUIRE_FALSE(d.ask(run, to_shelf));
  bulk_run r = d.work(run);
  CHECK(r.counts.to_change == 1);
  CHECK(r.counts.same == 1);
  d.begin(run);
  CHECK(on().size() == 2);
  d.undo(run);
  CHECK(on() == std::vector<uuid>{there});

  run = d.start("trash", {fresh});
  REQUIRE_FALSE(d.ask(run, {}));
  d.work(run);
  d.begin(run);
  CHECK_FALSE(d.write([&](db::tx& tx) { return library::find_book(tx, db.owner(), fresh).has_value(); }));
  d.undo(run);
  CHECK(d.show(fresh).title == "Fresh");

  run = d.start("approve", {waits, fresh});
  REQUIRE_FALSE(d.ask(run, {}));
  CHECK(d.work(run).counts.to_change == 1);
  d.begin(run);
  CHECK(d.show(waits).status == "organized");
  d.undo(run);
  CHECK(d.show(waits).status == "review");
}

TEST_CASE("who may not change books changes none, not even with a run that was begun before") {
  library_db db;
  desk d(db);
  uuid id = db.add({.title = "A"});
  bulk_run r = d.preview({id}, {setting("publisher", "Tide")});
  REQUIRE(d.write([&](db::tx& tx) { return library::begin_bulk(tx, r.id); }));
  bulk_run after = d.write([&](db::tx& tx) { return *library::step_bulk(tx, r.id, db.reader()); });
  CHECK(after.state == "cancelled");
  CHECK(d.show(id).publisher.empty());
  uuid shelf = d.write([&](db::tx& tx) { return library::create_shelf(tx, db.reader(), "Hers", true).value().id; });
  library::bulk_request foreign;
  foreign.shelf = shelf;
  std::optional<error> bad = d.ask(d.start("shelf", {id}), foreign);
  REQUIRE(bad);
  CHECK(bad->field == "shelf");
}

TEST_CASE("edits that no book could take are refused with the field's name") {
  struct row {
    json::value edit;
    const char* field;
  };
  for (const row& r :
       std::vector<row>{{json::object{{"op", "set"}, {"field", "title"}, {"value", ""}}, "title"},
                        {json::object{{"op", "clear"}, {"field", "title"}}, "title"},
                        {json::object{{"op", "add"}, {"field", "publisher"}, {"value", json::array{"x"}}}, "publisher"},
                        {json::object{{"op", "add"}, {"field", "tags"}, {"value", "x"}}, "tags"},
                        {json::object{{"op", "add"}, {"field", "tags"}, {"value", json::array{}}}, "tags"},
                        {json::object{{"op", "replace"}, {"field", "authors"}, {"from", ""}, {"to", "x"}}, "authors"},
                        {json::object{{"op", "replace"}, {"field", "title"}, {"from", "y"}, {"to", "x"}}, "title"},
                        {json::object{{"op", "set"}, {"field", "id"}, {"value", "x"}}, "id"},
                        {json::object{{"op", "set"}, {"field", "published"}, {"value", "soon"}}, "published"},
                        {json::object{{"op", "drop"}, {"field", "tags"}}, "edits"},
                        {json::object{{"field", "tags"}}, "edits"},
                        {json::value("x"), "edits"}}) {
    INFO(json::dump(r.edit));
    result<std::vector<bulk_edit>> e = library::parse_edits({r.edit});
    REQUIRE_FALSE(e);
    CHECK(e.error().field == r.field);
  }
  CHECK_FALSE(library::parse_edits({}));
  CHECK_FALSE(library::parse_edits(json::array(31, json::object{{"op", "clear"}, {"field", "tags"}})));
}

TEST_CASE("old previews and runs are forgotten, young ones are not") {
  library_db db;
  desk d(db);
  uuid id = db.add({.title = "A"});
  uuid young = d.preview({id}, {setting("publisher", "Tide")}).id, ran = d.preview({id}, {setting("publisher", "Gale")}).id;
  d.begin(ran);
  auto forget = [&](std::chrono::hours later) {
    return d.write([&](db::tx& tx) { return library::forget_old_bulk(tx, now() + later, 100); });
  };
  CHECK(forget(std::chrono::hours(23)) == 0);
  CHECK(forget(std::chrono::hours(25)) == 1);
  CHECK_FALSE(d.write([&](db::tx& tx) { return library::find_bulk(tx, young).has_value(); }));
  CHECK(forget(std::chrono::hours(24 * 29)) == 0);
  CHECK(forget(std::chrono::hours(24 * 31)) == 1);
}

TEST_CASE("a name that is respelt is respelt for all books, and back") {
  library_db db;
  desk d(db);
  uuid a = db.add({.title = "One", .author = "ada fenwick", .series = "coast"});
  uuid b = db.add({.title = "Two", .author = "ada fenwick", .series = "coast"});
  uuid c = db.add({.title = "Three", .author = "ada fenwick"});
  bulk_edit author{.how = bulk_edit::kind::replace, .field = "authors", .from = "ada fenwick", .to = "Ada Fenwick"};
  bulk_edit series{.how = bulk_edit::kind::replace, .field = "series", .from = "coast", .to = "Coast"};
  bulk_run run = d.preview({a, b}, {author, series});
  CHECK(run.counts.to_change == 2);
  CHECK(run.counts.fields == 4);
  run = d.begin(run.id);
  CHECK(run.counts.done == 2);
  CHECK(run.counts.stale == 0);
  for (const uuid& book : {a, b, c}) CHECK(d.show(book).authors.front().name == "Ada Fenwick");
  for (const uuid& book : {a, b}) CHECK(d.show(book).series == "Coast");
  static constexpr db::statement shown{"test.shown_author", "select author from books where id = $1"};
  auto text = [&](const uuid& book) { return d.write([&](db::tx& tx) { return tx.run(shown, book)[0].text(0); }); };
  CHECK(text(c) == "Ada Fenwick");

  run = d.undo(run.id);
  CHECK(run.counts.kept == 0);
  for (const uuid& book : {a, b, c}) CHECK(d.show(book).authors.front().name == "ada fenwick");
  for (const uuid& book : {a, b}) CHECK(d.show(book).series == "coast");
  CHECK(text(c) == "ada fenwick");

  REQUIRE(d.edit(a, {{"authors", strings{"Ada FENWICK"}}}));
  CHECK(d.show(b).authors.front().name == "Ada FENWICK");
  // A book that did not have the name takes it as it is written.
  uuid other = db.add({.title = "Four", .author = "Nobody"});
  REQUIRE(d.edit(other, {{"authors", strings{"ADA fenwick"}}}));
  CHECK(d.show(other).authors.front().name == "Ada FENWICK");
}

TEST_CASE("what a run takes back is in the history of each book") {
  library_db db;
  desk d(db);
  uuid book = db.add({.title = "The One", .series = "Coast", .index = 2.0});
  bulk_run run = d.preview({book}, {setting("title", "An Other"), setting("series", nullptr)});
  run = d.begin(run.id);
  run = d.undo(run.id);
  CHECK(run.counts.undone == 1);
  CHECK(d.show(book).title == "The One");
  CHECK(d.show(book).title_sort == "One, The");
  CHECK(d.show(book).series_index == 2.0);
  std::vector<library::change_group> groups =
      d.write([&](db::tx& tx) { return library::changes_of(tx, book, std::nullopt, 50); });
  REQUIRE(groups.size() == 2);
  auto title = std::find_if(groups[0].fields.begin(), groups[0].fields.end(), [](const auto& f) { return f.field == "title"; });
  REQUIRE(title != groups[0].fields.end());
  CHECK(*title->before.value.as_text() == "An Other");
  CHECK(*title->after.value.as_text() == "The One");
  CHECK_FALSE(title->after.locked);
}

TEST_CASE("books that are not seen any more are said to be hidden, and stay") {
  library_db db;
  desk d(db);
  uuid librarian = d.write([](db::tx& tx) { return library::add_user(tx, "lib", library::role::librarian, std::nullopt).id; });
  uuid seen = db.add({.title = "Seen"}), gone = db.add({.title = "Gone", .tags = {"Secret"}});
  auto work = [&](const uuid& run) {
    for (int i = 0; i < 1000; ++i) {
      bulk_run r = *d.write([&](db::tx& tx) { return library::step_bulk(tx, run, librarian); });
      if (r.at_rest()) return r;
    }
    return *d.write([&](db::tx& tx) { return library::find_bulk(tx, run); });
  };
  uuid run = d.write([&](db::tx& tx) {
    uuid made = library::start_bulk(tx, librarian, {.user = librarian, .name = "lib"}, "edit", "");
    library::choose_books(tx, made, librarian, {seen, gone});
    library::bulk_request r;
    r.edits = {setting("publisher", "Pier Press")};
    REQUIRE_FALSE(library::request_bulk(tx, made, librarian, r));
    return made;
  });
  work(run);
  REQUIRE(d.write([&](db::tx& tx) { return library::begin_bulk(tx, run); }));
  CHECK(work(run).counts.done == 2);
  d.write([&](db::tx& tx) {
    library::limits l;
    l.hidden_tags = {"Secret"};
    library::set_limits(tx, librarian, l);
    return 0;
  });
  REQUIRE(d.write([&](db::tx& tx) { return library::undo_bulk(tx, run); }));
  bulk_run back = work(run);
  CHECK(back.state == "undone");
  CHECK(back.counts.undone == 1);
  CHECK(back.counts.hidden == 1);
  CHECK(back.counts.kept == 0);
  CHECK(d.show(seen).publisher.empty());
  CHECK(d.show(gone).publisher == "Pier Press");
  std::vector<library::bulk_change> all = d.changes(run);
  CHECK(std::count_if(all.begin(), all.end(), [](const auto& c) { return c.state == "hidden"; }) == 1);
}
