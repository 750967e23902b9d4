// Two books become one, and two again (product.md 3.1).
#include "tests/integration/library/merge_world.hpp"

#include <atomic>
#include <thread>

#include "library/book.hpp"
#include "library/duplicate.hpp"
#include "library/merge_file.hpp"
#include "library/merge_parts.hpp"

using namespace carrel;
using harness::merge_world;
using library::merge_act;

TEST_CASE("a merged book's files, shelves, positions and fingerprints are those of the book that stays") {
  merge_world w;
  uuid a = w.add({.title = "Rain"}), b = w.add({.title = "Rain again"});
  std::string doc_a = w.document_of(a), doc_b = w.document_of(b);
  uuid both = w.shelf_of(w.reader(), "Both"), only = w.shelf_of(w.reader(), "Only the other");
  w.shelve(w.reader(), both, a);
  w.shelve(w.reader(), both, b);
  w.shelve(w.reader(), only, b);
  w.push(w.reader(), doc_a, 0.2);
  w.push(w.reader(), doc_b, 0.6, "Phone");
  w.push(w.owner(), doc_b, 0.9);

  result<library::merge_outcome> out = w.merge(a, {b});
  REQUIRE(out);
  CHECK(out->books == std::vector<uuid>{b});
  CHECK(out->files == 1);
  CHECK(out->shelves == 2);
  CHECK(out->documents == 2);
  CHECK(w.on(w.reader(), both) == std::vector<uuid>{a});
  CHECK(w.on(w.reader(), only) == std::vector<uuid>{a});
  CHECK(w.positions(w.reader(), a).size() == 2);
  CHECK(w.positions(w.owner(), a).size() == 1);
  CHECK(w.number("select count(*) from book_files where book_id = " + w.quoted(a)) == 2);
  CHECK(w.number("select count(*) from book_file_hashes where book_id = " + w.quoted(b)) == 0);

  // Who had never read in that file before finds the book by it all the same.
  uuid third =
      w.pool().write_now([](db::tx& tx) { return library::add_user(tx, "third", library::role::reader, std::nullopt).id; });
  w.push(third, doc_b, 0.4);
  CHECK(w.positions(third, a).size() == 1);

  SECTION("the old address leads to it") {
    auto seen = w.pool().read_now([&](db::tx& tx) { return library::find_book(tx, w.reader(), b); });
    CHECK_FALSE(seen);
    CHECK(w.pool().read_now([&](db::tx& tx) { return library::survivor_of(tx, w.reader(), b); }) == a);
    CHECK(w.pool().write_now([&](db::tx& tx) { return library::untrash_books(tx, {b}, {}); }) == 0);
  }
  SECTION("again changes nothing, and names the same merge") {
    std::string before = w.everything();
    result<library::merge_outcome> again = w.merge(a, {b});
    REQUIRE(again);
    CHECK(again->books.empty());
    CHECK(again->merge == out->merge);
    CHECK(w.differences(before, w.everything()) == "");
  }
  SECTION("what a reader did since goes with the file") {
    w.push(w.reader(), doc_b, 0.7, "Phone");
    REQUIRE(w.undo(out->merge));
    CHECK(w.positions(w.reader(), a).size() == 1);
    CHECK(w.positions(w.reader(), b).size() == 2);
    CHECK(w.positions(third, b).size() == 1);
  }
}

TEST_CASE("a merge that is taken back leaves everything as it was") {
  merge_world w;
  uuid a = w.add({.title = "Rain", .tags = {"Weather"}}),
       b = w.add({.title = "Rain", .tags = {"Water"}, .isbn = "9780306406157"});
  uuid c = w.add({.title = "Rain", .status = "review"});
  std::string doc_a = w.document_of(a), doc_b = w.document_of(b);
  for (const uuid& user : {w.owner(), w.reader()}) {
    uuid s = w.shelf_of(user, "Shelf"), t = w.shelf_of(user, "Other");
    w.shelve(user, s, b);
    w.shelve(user, s, a);
    w.shelve(user, t, b);
    w.push(user, doc_a, 0.1);
    w.push(user, doc_b, 0.5);
  }
  w.place(w.reader(), a, doc_a, 0.1, "2026-01-01");
  w.place(w.reader(), b, doc_b, 0.5, "2026-02-01");
  w.place(w.owner(), b, doc_b, 0.5, "2026-02-01");
  w.run("update books set possible_duplicate_of = " + w.quoted(b) + " where id = " + w.quoted(c));
  w.run("insert into downloads (id, user_id, file_id, book_id, checksum) select gen_random_uuid(), " + w.quoted(w.reader()) +
        ", f.id, f.book_id, f.checksum from book_files f");
  w.run(
      "insert into ingest_items (id, source, policy, display_name, state, book_id, file_id)"
      " select gen_random_uuid(), 'command', 'keep', 'x', 'organised', f.book_id, f.id from book_files f");
  w.run("insert into imported_books (source, library_uuid, book_uuid, book_id) values ('calibre', 'l', '1', " + w.quoted(b) +
        ")");
  w.pool().write_now([&](db::tx& tx) {
    for (const uuid& book : {a, b, c}) library::note_duplicates(tx, book);
    REQUIRE(
        library::edit_book(tx, b, {{"publisher", "Typed by hand"}, {"description", "<p>Wet.</p>"}}, {w.owner(), "owner"}).ok());
  });
  merge_act act = GENERATE(merge_act::merge, merge_act::format);
  int which = GENERATE(0, 1, 2);
  std::vector<uuid> others = which == 0 ? std::vector{b} : which == 1 ? std::vector{b, c} : std::vector{c, b};
  uuid kept = a;
  if (act == merge_act::format && others.size() == 1 && others[0] == b) kept = c;  // into one that waits
  others.erase(std::remove(others.begin(), others.end(), kept), others.end());

  std::string before = w.everything();
  result<library::merge_outcome> out = w.merge(kept, others, act);
  REQUIRE(out);
  CHECK(w.everything() != before);
  CHECK(w.text("select status::text from books where id = " + w.quoted(kept)) == "organized");
  result<library::unmerge_outcome> back = w.undo(out->merge);
  REQUIRE(back);
  CHECK(back->books == others);
  CHECK(back->left.empty());
  CHECK(w.differences(before, w.everything()) == "");
  result<library::unmerge_outcome> again = w.undo(out->merge);
  REQUIRE(again);
  CHECK(again->books.empty());
  CHECK(w.differences(before, w.everything()) == "");
}

TEST_CASE("what the other book says fills what is not known, and what a person typed wins") {
  merge_world w;
  uuid a = w.add({.title = "Rain", .tags = {"Weather"}});
  uuid b =
      w.add({.title = "Rain in the hills", .series = "Hills", .tags = {"weather", "Water"}, .index = 2, .isbn = "9780306406157"});
  w.pool().write_now([&](db::tx& tx) {
    REQUIRE(library::edit_book(tx, b, {{"title", "Rain, by hand"}, {"age_rating", 16}}, {w.owner(), "owner"}).ok());
    REQUIRE(library::edit_book(tx, a, {{"publisher", "Ours"}, {"age_rating", 12}}, {w.owner(), "owner"}).ok());
  });
  auto book = [&] { return *w.pool().read_now([&](db::tx& tx) { return library::find_book(tx, w.owner(), a); }); };
  SECTION("merged") {
    result<library::merge_outcome> out = w.merge(a, {b});
    REQUIRE(out);
    library::book now = book();
    CHECK(now.title == "Rain, by hand");
    CHECK(now.series == "Hills");
    CHECK(now.publisher == "Ours");
    CHECK(now.tags.size() == 2);
    CHECK(w.text("select isbn_13 from books where id = " + w.quoted(a)) == "9780306406157");
    CHECK(w.number("select age_rating from books where id = " + w.quoted(a)) == 12);  // set by hand, here
    CHECK(w.number("select (locked_fields @> '{title,publisher}')::int from books where id = " + w.quoted(a)) == 1);

    w.pool().write_now([&](db::tx& tx) {
      REQUIRE(library::edit_book(tx, a, {{"series", json::object{{"name", "Valleys"}}}}, {}).ok());
    });
    result<library::unmerge_outcome> back = w.undo(out->merge);
    REQUIRE(back);
    CHECK(back->left == std::vector<std::string>{"books"});
    CHECK(book().series == "Valleys");  // changed since: stays
    CHECK(book().title == "Rain");
    CHECK(w.number("select count(*) from books where isbn_13 is not null") == 1);
  }
  SECTION("as another format only what limits who may see its files comes along") {
    uuid c = w.add({.title = "Else", .tags = {"Adult"}});
    w.run("update books set age_rating = 18 where id = " + w.quoted(c));
    uuid d = w.add({.title = "Rain"});
    REQUIRE(w.merge(d, {c}, merge_act::format));
    CHECK(w.text("select title from books where id = " + w.quoted(d)) == "Rain");
    CHECK(w.number("select age_rating from books where id = " + w.quoted(d)) == 18);
    CHECK(w.number("select cardinality(tags) from books where id = " + w.quoted(d)) == 1);
  }
}

TEST_CASE("what cannot be merged changes nothing") {
  merge_world w;
  uuid a = w.add({.title = "Rain"}), b = w.add({.title = "Snow"}), c = w.add({.title = "Hail"});
  auto refused = [&](const uuid& kept, const std::vector<uuid>& others) {
    std::string before = w.everything();
    result<library::merge_outcome> out = w.merge(kept, others);
    CHECK(w.differences(before, w.everything()) == "");
    return out ? std::string() : out.error().field;
  };
  CHECK(refused(a, {a}) == "same");
  CHECK(refused(a, {b, uuid::make()}) == "missing");
  CHECK(refused(uuid::make(), {a}) == "missing");
  REQUIRE(w.merge(b, {c}));
  CHECK(refused(a, {c}) == "elsewhere");
  w.pool().write_now([&](db::tx& tx) { library::trash_books(tx, {a}, {}); });
  CHECK(refused(b, {a}) == "missing");
  CHECK(refused(a, {b}) == "missing");
  uuid d = w.add({.title = "Fog"});
  w.run(
      "insert into libraries (id, name, kind, root) values ('00000000-0000-7000-8000-000000000002', 'NAS', 'in_place', "
      "'/srv/books')");
  w.run("update books set library_id = '00000000-0000-7000-8000-000000000002' where id = " + w.quoted(d));
  CHECK(refused(b, {d}) == "library");
}

TEST_CASE("of several merges the last one is taken back first") {
  merge_world w;
  uuid a = w.add({.title = "Rain"}), b = w.add({.title = "Snow"}), c = w.add({.title = "Hail"}), d = w.add({.title = "Fog"});
  std::string start = w.everything();
  uuid first = w.merge(b, {a})->merge, second = w.merge(c, {b})->merge;
  CHECK(w.pool().read_now([&](db::tx& tx) { return library::survivor_of(tx, w.reader(), a); }) == c);
  result<library::unmerge_outcome> early = w.undo(first);
  REQUIRE_FALSE(early);
  CHECK(early.error().field == "later");
  CHECK(early.error().reason == second.text());
  uuid aside = w.merge(d, {w.add({.title = "Wind"})})->merge;  // of other books
  CHECK(w.undo(second));
  CHECK(w.pool().read_now([&](db::tx& tx) { return library::survivor_of(tx, w.reader(), a); }) == b);
  CHECK(w.undo(first));
  CHECK(w.undo(aside));
  CHECK(w.undo(uuid::make()).error().field == "missing");
  w.run("delete from books where title = 'Wind'");
  CHECK(w.differences(start, w.everything()) == "");
}

TEST_CASE("what was changed since stays with the book that was kept, and is said") {
  merge_world w;
  uuid a = w.add({.title = "Rain"}), b = w.add({.title = "Snow"});
  std::string doc = w.document_of(b);
  uuid shelf = w.shelf_of(w.reader(), "Shelf");
  w.shelve(w.reader(), shelf, b);
  w.push(w.reader(), doc, 0.5);
  uuid merge = w.merge(a, {b})->merge;
  uuid later = w.shelf_of(w.reader(), "Later");
  w.shelve(w.reader(), later, a);
  w.pool().write_now([&](db::tx& tx) {
    library::remove_from_shelf(tx, w.reader(), shelf, {a});
    REQUIRE(library::link_by_hand(tx, w.reader(), doc, a));
  });
  result<library::unmerge_outcome> back = w.undo(merge);
  REQUIRE(back);
  CHECK(std::set<std::string>(back->left.begin(), back->left.end()) == std::set<std::string>{"documents", "shelf_books"});
  CHECK(w.on(w.reader(), shelf).empty());
  CHECK(w.on(w.reader(), later) == std::vector<uuid>{a});
  CHECK(w.positions(w.reader(), a).size() == 1);
  CHECK(w.number("select count(*) from book_files where book_id = " + w.quoted(b)) == 1);
}

TEST_CASE("recordings go with the book, and one edition is the one that is played") {
  merge_world w;
  uuid a = w.add({.title = "Rain"}), b = w.add({.title = "Rain"});
  bool has_own = GENERATE(false, true);
  if (has_own) w.play(a);
  w.play(b);
  std::string before = w.everything();
  result<library::merge_outcome> out = w.merge(a, {b});
  REQUIRE(out);
  CHECK(w.number("select count(*) from audio_editions where book_id = " + w.quoted(a)) == (has_own ? 2 : 1));
  CHECK(w.number("select count(*) from audio_editions where is_primary and book_id = " + w.quoted(a)) == 1);
  CHECK(w.number("select count(*) from audio_tracks t join book_files f on f.id = t.book_file_id where f.book_id = " +
                 w.quoted(a)) == (has_own ? 2 : 1));
  REQUIRE(w.undo(out->merge));
  CHECK(w.differences(before, w.everything()) == "");
}

TEST_CASE("what is done to a book while it is being merged is done to what it becomes") {
  merge_world w;
  uuid a = w.add({.title = "Rain"}), b = w.add({.title = "Snow"});
  std::string doc = w.document_of(b);
  uuid shelf = w.shelf_of(w.reader(), "Shelf");
  static constexpr db::statement waiting{"test.merge_waiting", "select count(*) from pg_locks where not granted"};
  bool on_shelf = GENERATE(true, false);
  std::atomic<bool> merged = false;
  std::thread other([&] {
    while (!merged) std::this_thread::yield();
    if (on_shelf)
      w.shelve(w.reader(), shelf, b);
    else
      w.push(w.reader(), doc, 0.5);
  });
  bool met = false;
  w.pool().write_now([&](db::tx& tx) {
    REQUIRE(library::merge_books(tx, a, {b}, merge_act::merge, {}).ok());
    merged = true;
    for (int i = 0; i < 100'000 && !met; ++i) met = tx.run(waiting)[0].integer(0) > 0;
  });
  other.join();
  CHECK(met);
  if (on_shelf)
    CHECK(w.on(w.reader(), shelf) == std::vector<uuid>{a});
  else
    CHECK(w.positions(w.reader(), a).size() == 1);
}

TEST_CASE("every column that names a book has been decided about") {
  merge_world w;
  std::set<std::string> decided, there;
  for (const library::merge_decision& d : library::merge_decisions()) {
    CHECK(decided.insert(std::string(d.table) + "." + std::string(d.column)).second);
    CHECK((d.fate == "moves" || d.fate == "follows" || d.fate == "stays"));
  }
  static constexpr db::statement columns{"test.book_columns", R"sql(
    select c.table_name || '.' || c.column_name
      from information_schema.columns c join information_schema.tables t on t.table_name = c.table_name and t.table_schema = c.table_schema
     where c.table_schema = 'public' and t.table_type = 'BASE TABLE' and c.data_type = 'uuid'
       and (c.column_name in ('book_id', 'other_id', 'file_id', 'entitlement', 'kept_id', 'into_id', 'kobo_file', 'away')
            or exists (select from pg_constraint k join pg_attribute a on a.attrelid = k.conrelid and a.attnum = any (k.conkey)
                        where k.contype = 'f' and k.conrelid::regclass::text = c.table_name and a.attname = c.column_name
                          and k.confrelid in ('books'::regclass, 'book_files'::regclass))))sql"};
  w.pool().read_now([&](db::tx& tx) {
    for (const db::row& r : tx.run(columns)) there.insert(r.text(0));
    return 0;
  });
  CHECK(there.size() > 25);
  for (const std::string& column : there) {
    INFO(column << " names a book: what a merge does with it is to be said in library/merge_parts.cpp");
    CHECK(decided.contains(column));
  }
}

TEST_CASE("the newer bytes take the place of the older ones and give it back") {
  merge_world w;
  uuid a = w.add({.title = "Rain"}), b = w.add({.title = "Rain"});
  std::string doc_a = w.document_of(a), doc_b = w.document_of(b);
  w.push(w.reader(), doc_a, 0.2);
  w.push(w.reader(), doc_b, 0.4);
  w.run("insert into book_measures (checksum, file_id, measure) select checksum, id, '' from book_files");
  w.run("update book_files set content_hash = 'same'");
  w.run("insert into book_file_hashes (hash, kind, file_id, book_id) select 'same', 'content', id, book_id from book_files");
  std::string before = w.everything();
  std::string file_a = w.text("select id::text from book_files where book_id = " + w.quoted(a)),
              file_b = w.text("select id::text from book_files where book_id = " + w.quoted(b)),
              sum_b = w.text("select checksum from book_files where book_id = " + w.quoted(b));
  uuid merge = w.pool().write_now([&](db::tx& tx) {
    std::vector<library::file_pair> pairs = library::exchangeable_files(tx, a, b);
    REQUIRE(pairs.size() == 1);
    uuid id = library::merge_books(tx, a, {b}, merge_act::replace, {})->merge;
    library::take_bytes(tx, id, b, pairs[0], "attic/x/old.epub");
    return id;
  });
  CHECK(w.text("select checksum from book_files where id = '" + file_a + "'") == sum_b);
  CHECK(w.number("select count(*) from book_files") == 1);
  CHECK(w.positions(w.reader(), a).size() == 2);
  auto found = w.pool().read_now([&](db::tx& tx) { return library::find_file(tx, w.reader(), *uuid::parse(file_b)); });
  REQUIRE(found);
  CHECK(found->file.id.text() == file_a);
  CHECK(w.number("select count(*) from book_measures where file_id = '" + file_a + "'") == 2);

  SECTION("as it was") {
    result<library::unmerge_outcome> back = w.undo(merge);
    REQUIRE(back);
    CHECK(back->left.empty());
    CHECK(w.differences(before, w.everything()) == "");
    CHECK(w.number("select count(*) from book_measures where file_id = '" + file_b + "'") == 1);
  }
  SECTION("a file that was replaced once more stays as it is") {
    w.run("update book_files set checksum = 'third' where id = '" + file_a + "'");
    result<library::unmerge_outcome> back = w.undo(merge);
    REQUIRE(back);
    CHECK(back->left == std::vector<std::string>{"book_files"});
    CHECK(w.text("select checksum from book_files where id = '" + file_a + "'") == "third");
    CHECK(w.pool().read_now([&](db::tx& tx) { return library::find_book(tx, w.reader(), b); }).has_value());
  }
}
