// Files that others rename, move, exchange and take away.

#include "in_place.hpp"
#include "server/core/digest.hpp"

using namespace carrel;
using namespace carrel::ingest;
using namespace carrel::ingest::test;

TEST_CASE("a renamed file keeps its book") {
  in_place t;
  t.put("a/x.epub");
  t.scan();
  std::string book = t.column("book_id", "a/x.epub");
  fs::create_directory(t.root / "b");
  fs::rename(t.root / "a/x.epub", t.root / "b/y.epub");
  read_counts c = t.scan();
  CHECK(c.moved == 1);
  CHECK(c.added == 0);
  CHECK(t.books() == 1);
  CHECK(t.column("book_id", "b/y.epub") == book);
  CHECK(t.column("original_name", "b/y.epub") == "y.epub");
  CHECK(t.b.number("select count(*) from book_files where missing_since is not null") == 0);
  CHECK(t.b.number("select count(*) from book_file_hashes where kind = 'filename' and hash = '" + md5_hex("y.epub") + "'") == 1);
  CHECK(t.places() == "b/y.epub book");
}

TEST_CASE("a file that took the name of a moved one is a new book") {
  in_place t;
  t.put("x.epub", {.title = "First"});
  t.scan();
  std::string first = t.column("book_id", "x.epub");
  fs::rename(t.root / "x.epub", t.root / "z.epub");
  t.put("x.epub", {.title = "Second", .text = "Quite another."});
  read_counts c = t.scan();
  CHECK(c.moved == 1);
  CHECK(c.added == 1);
  CHECK(c.replaced == 0);
  CHECK(t.column("book_id", "z.epub") == first);
  CHECK(t.b.text("select title from books where id = '" + t.column("book_id", "x.epub") + "'") == "Second");
}

TEST_CASE("two files that exchanged their names keep their books") {
  in_place t;
  t.put("a.epub", {.title = "A", .text = "Of a."});
  t.put("b.epub", {.title = "B", .text = "Of b, longer."});
  t.scan();
  std::string a = t.column("book_id", "a.epub"), b = t.column("book_id", "b.epub");
  fs::rename(t.root / "a.epub", t.root / "t");
  fs::rename(t.root / "b.epub", t.root / "a.epub");
  fs::rename(t.root / "t", t.root / "b.epub");
  CHECK(t.scan().moved == 2);
  CHECK(t.books() == 2);
  CHECK(t.column("book_id", "a.epub") == b);
  CHECK(t.column("book_id", "b.epub") == a);
  CHECK(t.b.number("select count(*) from book_files where missing_since is not null") == 0);
}

TEST_CASE("a missing file is marked and never deleted, and is well again when it is back") {
  in_place t;
  fs::path p = t.put("x.epub");
  t.put("other.epub", {.title = "Other", .text = "Stays."});
  t.scan();
  std::string bytes = read(p);
  fs::path away = t.b.folder / "away.epub";
  fs::rename(p, away);
  CHECK(t.look().gone == 1);
  CHECK(t.books() == 2);
  CHECK(t.b.number("select count(*) from book_files where missing_since is not null") == 1);
  CHECK(t.look().gone == 0);
  fs::rename(away, p);
  CHECK(t.look().back == 1);
  CHECK(t.b.number("select count(*) from book_files where missing_since is not null") == 0);
}

TEST_CASE("when the first of two copies goes, the other stands in for it") {
  in_place t;
  t.put("a/y.epub");
  t.put("b/y.epub");
  t.scan();
  std::string book = t.b.text("select id::text from books");
  bool first_is_a = !t.column("id", "a/y.epub").empty();
  fs::remove(t.root / (first_is_a ? "a/y.epub" : "b/y.epub"));
  CHECK(t.scan().moved == 1);
  CHECK(t.column("book_id", first_is_a ? "b/y.epub" : "a/y.epub") == book);
  CHECK(t.b.number("select count(*) from book_files where missing_since is not null") == 0);
}

TEST_CASE("a copy over another book's file takes its place, and that book's file is missing") {
  in_place t;
  t.put("a.epub", {.title = "A", .text = "Of a."});
  t.put("b.epub", {.title = "B", .text = "Of b, longer."});
  t.scan();
  std::string a = t.column("book_id", "a.epub"), b = t.column("book_id", "b.epub");
  write(t.root / "a.epub", read(t.root / "b.epub"));
  CHECK(t.scan().duplicates == 1);
  CHECK(t.books() == 2);
  CHECK(t.b.text("select book_id::text from book_files where missing_since is not null") == a);
  CHECK(t.column("book_id", "b.epub") == b);
  // Its bytes turn up elsewhere: it is the same book still.
  t.put("found.epub", {.title = "A", .text = "Of a."});
  CHECK(t.scan().moved == 1);
  CHECK(t.column("book_id", "found.epub") == a);
}

TEST_CASE("links are never followed, also when a folder becomes one") {
  in_place t;
  t.put("d/x.epub");
  t.put("y.epub", {.title = "Y", .text = "Of y."});
  fs::create_symlink(t.b.inbox, t.root / "linked");
  write(t.b.inbox / "z.epub", epub({.title = "Z", .text = "Outside."}));
  fs::create_symlink(t.b.inbox / "z.epub", t.root / "z.epub");
  CHECK(t.scan().added == 2);
  CHECK(t.look().special == 2);
  std::string stored = (t.root / "d/x.epub").native();
  CHECK(t.b.store.holds(stored));
  fs::rename(t.root / "d", t.b.folder / "real");
  fs::create_directory_symlink(t.b.folder / "real", t.root / "d");
  CHECK_FALSE(t.b.store.holds(stored));
  CHECK(t.look().gone == 1);
  CHECK(t.b.text("select storage_path from book_files where missing_since is not null") == stored);
}
