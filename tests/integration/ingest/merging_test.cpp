// What is alike is found as it comes in, and books are merged with the bytes of their files (ingest.md 6.1, 7.3).
#include "ingest/merging.hpp"

#include <catch2/catch.hpp>

#include "ingest/jobs.hpp"
#include "ingest/sweep.hpp"
#include "library/book.hpp"
#include "library/duplicate.hpp"
#include "workbench.hpp"

using namespace carrel;
using namespace carrel::ingest;
using namespace carrel::ingest::test;
using library::merge_act;

namespace {

struct no_report : jobs::progress {
  void report(std::int64_t, std::optional<std::int64_t>) override {}
  bool stopping() const override { return false; }
};

struct two_editions {
  two_editions() {
    older = take("older.epub", old_bytes);
    newer = take("newer.epub", new_bytes);
  }
  added_file take(const std::string& name, const std::string& bytes) {
    write(b.inbox / name, bytes);
    return b.take({b.inbox / name}).added.at(0);
  }
  std::string stored(const uuid& file) {
    return read(b.store.absolute(b.text("select storage_path from book_files where id = '" + file.text() + "'")));
  }
  result<library::merge_outcome> replace() { return merge_books(b.with, older.book, {newer.book}, merge_act::replace, {}); }

  workbench b;
  std::string old_bytes = epub({.title = "Rain"}), new_bytes = epub({.title = "Rain, second edition"});
  added_file older, newer;
};

}  // namespace

TEST_CASE("what is alike is remembered with its reasons as it comes in, and a similar title holds nothing up") {
  workbench b;
  write(b.inbox / "a.epub", epub({.title = "The Cartographer of Winds", .author = "Ada Fenwick", .text = "One."}));
  write(b.inbox / "b.epub", epub({.title = "The Cartographers of Winds", .author = "Ada Fenwick", .text = "Two."}));
  write(b.inbox / "c.epub", epub({.title = "The Cartographer of Winds", .author = "Ada Fenwick", .text = "Three."}));
  for (const char* name : {"a.epub", "b.epub", "c.epub"}) REQUIRE(b.take({b.inbox / name}).added.size() == 1);
  CHECK(b.number("select count(*) from books where status = 'organized' and possible_duplicate_of is null") == 2);
  CHECK(b.number("select count(*) from books where status = 'review' and possible_duplicate_of is not null") == 1);
  CHECK(b.number("select count(*) from duplicate_candidates where kind = 'work' and reasons ? 'work'") == 1);
  CHECK(b.number("select count(*) from duplicate_candidates where kind = 'similar'") == 2);
}

TEST_CASE("one number of a shop in two books keeps the second one from being approved by itself") {
  workbench b;
  write(b.inbox / "a.epub", epub({.title = "One", .author = "A", .text = "One."}));
  outcome first = b.take({b.inbox});
  b.pool.write_now([&](db::tx& tx) {
    REQUIRE(library::edit_book(tx, first.added.at(0).book, {{"identifiers", json::object{{"asin", "B00EXAMPLE"}}}}, {}).ok());
  });
  publication::metadata m;
  m.title = "Two";
  m.identifiers = {{"asin", "B00EXAMPLE"}};
  auto like = b.pool.write_now([&](db::tx& tx) { return library::find_duplicate(tx, m, ""); });
  CHECK(like == first.added.at(0).book);
  m.identifiers = {{"uuid", "B00EXAMPLE"}};
  CHECK_FALSE(b.pool.write_now([&](db::tx& tx) { return library::find_duplicate(tx, m, ""); }));
}

TEST_CASE("the job looks through the whole library, also one that was there before it knew of duplicates") {
  workbench b;
  for (int i = 0; i < 3; ++i) {
    std::string n = std::to_string(i);
    write(b.inbox / (n + ".epub"), epub({.title = "Rain", .author = "Ada", .text = "Text " + n}));
  }
  b.take({b.inbox});
  b.pool.write_now([](db::tx& tx) {
    tx.script("delete from duplicate_candidates; update books set status = 'organized', updated_at = now() - interval '1 day'");
    enqueue_duplicates(tx);
    enqueue_duplicates(tx);  // is once
  });
  db::notifier notifier(b.database.url());
  jobs::workers workers(b.pool, notifier, 1, "test");
  register_jobs(workers, b.with);
  CHECK(b.number("select count(*) from jobs where kind = 'library.duplicates' and done_at is null") == 1);
  while (workers.run_one()) {
  }
  CHECK(b.number("select count(*) from duplicate_candidates where kind = 'work'") == 3);
  CHECK(b.number("select count(*) from jobs where kind = 'library.duplicates' and state = 'done'") == 1);
}

TEST_CASE("the newer bytes take the place of the older ones, and the way back") {
  two_editions t;
  REQUIRE(t.newer.status == "review");
  result<library::merge_outcome> out = t.replace();
  REQUIRE(out);
  CHECK(t.stored(t.older.file) == t.new_bytes);
  CHECK(t.b.number("select count(*) from book_files") == 1);
  CHECK(t.b.files("library").size() == 1);
  REQUIRE(t.b.files("attic").size() == 1);
  CHECK(read(t.b.files("attic")[0]) == t.old_bytes);
  CHECK(t.b.number("select count(*) from book_file_hashes where variant = 'replaced'") > 0);
  CHECK(t.b.number("select count(*) from books where merged_into is not null") == 1);

  SECTION("again changes nothing") {
    result<library::merge_outcome> again = t.replace();
    REQUIRE(again);
    CHECK(again->books.empty());
    CHECK(again->merge == out->merge);
    CHECK(t.b.files("attic").size() == 1);
  }
  SECTION("as it was") {
    result<library::unmerge_outcome> back = undo_merge(t.b.with, out->merge, {});
    REQUIRE(back);
    CHECK(t.stored(t.older.file) == t.old_bytes);
    CHECK(t.stored(t.newer.file) == t.new_bytes);
    CHECK(t.b.number("select count(*) from books where deleted_at is null") == 2);
    CHECK(t.b.number("select count(*) from book_file_hashes where variant = 'replaced'") == 0);
    REQUIRE(undo_merge(t.b.with, out->merge, {}));
    // And once more from the start.
    REQUIRE(t.replace());
    CHECK(t.stored(t.older.file) == t.new_bytes);
  }
  SECTION("not without the older bytes") {
    fs::remove_all(t.b.data / "attic");
    result<library::unmerge_outcome> back = undo_merge(t.b.with, out->merge, {});
    REQUIRE_FALSE(back);
    CHECK(back.error().field == "bytes_gone");
    CHECK(t.stored(t.older.file) == t.new_bytes);
    CHECK(t.b.number("select count(*) from books where merged_into is not null") == 1);
  }
  SECTION("not with bytes that are not the older ones") {
    write(t.b.files("attic")[0], "damaged");
    CHECK(undo_merge(t.b.with, out->merge, {}).error().field == "bytes_gone");
  }
  SECTION("not when they have come in again") {
    write(t.b.inbox / "again.epub", t.old_bytes);
    REQUIRE(t.b.take({t.b.inbox / "again.epub"}).added.size() == 1);
    CHECK(undo_merge(t.b.with, out->merge, {}).error().field == "duplicate_file");
  }
  SECTION("the sweep of the trash leaves the merged book alone") {
    t.b.pool.write_now(
        [](db::tx& tx) { tx.script("update books set deleted_at = now() - interval '1 year' where merged_into is not null"); });
    no_report p;
    sweep_store(t.b.with, p);
    CHECK(t.b.number("select count(*) from books") == 2);
    CHECK(undo_merge(t.b.with, out->merge, {}));
  }
}

TEST_CASE("bytes take the place only of bytes of the same format") {
  two_editions t;
  t.b.pool.write_now(
      [&](db::tx& tx) { tx.script("update book_files set format = 'mobi' where id = '" + t.newer.file.text() + "'"); });
  std::string before = t.b.rows_of_everything();
  result<library::merge_outcome> out = t.replace();
  REQUIRE_FALSE(out);
  CHECK(out.error().field == "format");
  CHECK(t.b.rows_of_everything() == before);
  CHECK(t.stored(t.older.file) == t.old_bytes);
}

TEST_CASE("a merged book's bytes are still those of one file") {
  two_editions t;
  REQUIRE(merge_books(t.b.with, t.older.book, {t.newer.book}, merge_act::merge, {}));
  write(t.b.inbox / "copy.epub", t.new_bytes);
  outcome again = t.b.take({t.b.inbox / "copy.epub"});
  REQUIRE(again.duplicates.size() == 1);
  CHECK(again.duplicates[0].book == t.older.book);
}
