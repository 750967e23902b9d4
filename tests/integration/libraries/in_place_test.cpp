#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "in_place.hpp"
#include "ingest/merging.hpp"
#include "ingest/replace.hpp"
#include "ingest/sweep.hpp"
#include "library/book.hpp"
#include "server/core/digest.hpp"
#include "server/core/text.hpp"

using namespace carrel;
using namespace carrel::ingest;
using namespace carrel::ingest::test;

namespace {

struct quiet_progress final : jobs::progress {
  void report(std::int64_t, std::optional<std::int64_t>) override {}
  bool stopping() const override { return false; }
};

const library::actor ada{.user = {}, .name = "ada"};

}  // namespace

TEST_CASE("books are made of files that stay where they are, and nothing there is touched") {
  in_place t;
  t.put("Lark, Ada/One/One.epub", {.title = "One"});
  t.put("Two.epub", {.title = "Two", .text = "Other words."});
  write(t.root / "notes.nfo", "not a book");
  std::string before = t.state_of_folder();
  read_counts c = t.scan();
  CHECK(c.added == 2);
  CHECK(t.b.number("select count(*) from books where status = 'organized'") == 2);
  CHECK(t.column("checksum", "Two.epub") == sha256_hex(read(t.root / "Two.epub")));
  CHECK(t.column("original_name", "Lark, Ada/One/One.epub") == "One.epub");
  CHECK(t.b.number("select count(*) from books where library_id = '" + t.is.id.text() + "'") == 2);
  CHECK(t.b.files("library").empty());
  CHECK(t.b.files("staging").empty());
  CHECK(t.state_of_folder() == before);
}

TEST_CASE("a second look at an unchanged folder writes nothing and leaves everything as it was") {
  in_place t;
  for (int i = 0; i < 20; ++i)
    t.put("a" + std::to_string(i) + "/x.epub", {.title = "T" + std::to_string(i), .text = std::to_string(i)});
  t.scan();
  std::string before =
      t.b.rows_of_everything() + t.b.text("select string_agg(f::text || xmin, '' order by place) from library_files f");
  folder_look l = t.look();
  CHECK(l.unchanged == 20);
  CHECK(l.fresh + l.changed + l.gone + l.back == 0);
  CHECK(t.b.rows_of_everything() + t.b.text("select string_agg(f::text || xmin, '' order by place) from library_files f") ==
        before);
}

TEST_CASE("a look opens no file") {
  in_place t;
  fs::path p = t.put("x.epub");
  t.scan();
  // A reader would set the time of access of a file that was written to since.
  std::array<struct timespec, 2> times{{{.tv_sec = 1, .tv_nsec = 0}, {.tv_sec = 0, .tv_nsec = UTIME_OMIT}}};
  ::utimensat(AT_FDCWD, p.c_str(), times.data(), 0);
  t.look();
  struct stat s {};
  ::stat(p.c_str(), &s);
  CHECK(s.st_atim.tv_sec == 1);
}

TEST_CASE("other bytes at the same place are the same book, whose old fingerprints stay known") {
  in_place t;
  t.put("x.epub", {.title = "Old"});
  t.scan();
  std::string book = t.column("book_id", "x.epub"), sum = t.column("checksum", "x.epub");
  t.put("x.epub", {.title = "Old, Revised", .text = "A corrected sentence."});
  read_counts c = t.scan();
  CHECK(c.replaced == 1);
  CHECK(t.b.text("select title from books") == "Old");
  CHECK(t.b.number("select count(*) from book_metadata_candidates where source = 'embedded' and normalized::text like '%"
                   "Revised%'") == 1);
  CHECK(t.books() == 1);
  CHECK(t.column("book_id", "x.epub") == book);
  CHECK(t.column("checksum", "x.epub") == sha256_hex(read(t.root / "x.epub")));
  CHECK(t.b.number("select count(*) from book_file_hashes where hash = '" + sum +
                   "' and kind = 'sha256' and variant = 'replaced'") == 1);
}

TEST_CASE("a file that was only touched changes nothing of its book") {
  in_place t;
  fs::path p = t.put("x.epub");
  t.scan();
  std::string before = t.b.text("select b::text || f::text from books b join book_files f on f.book_id = b.id");
  fs::last_write_time(p, fs::last_write_time(p) + std::chrono::hours(1));
  CHECK(t.scan().same == 1);
  CHECK(t.b.text("select b::text || f::text from books b join book_files f on f.book_id = b.id") == before);
  CHECK(t.look().unchanged == 1);
}

TEST_CASE("formats of one folder and stem are one book") {
  in_place t;
  t.put("d/x.epub", {.title = "X"});
  write(t.root / "d/x.txt", "Once there was a plain text, which has a few words.");
  t.put("d/x.part.epub", {.title = "Another", .text = "Not of the group."});
  t.put("e/x.epub", {.title = "Elsewhere", .text = "Another folder."});
  read_counts c = t.scan();
  CHECK(c.added == 3);
  CHECK(c.joined == 1);
  CHECK(t.column("book_id", "d/x.epub") == t.column("book_id", "d/x.txt"));
  CHECK(t.column("book_id", "d/x.epub") != t.column("book_id", "d/x.part.epub"));
  CHECK(t.column("book_id", "d/x.epub") != t.column("book_id", "e/x.epub"));
}

TEST_CASE("a file that is no book is refused where it lies, and becomes one when it is mended") {
  in_place t;
  write(t.root / "x.epub", "PK\3\4 nothing");
  write(t.root / "empty.epub", "");
  std::string before = t.state_of_folder();
  CHECK(t.scan().refused == 2);
  CHECK(t.state_of_folder() == before);
  CHECK(t.b.files("quarantine").empty());
  std::vector<refused_place> bad = t.b.pool.read_now([&](db::tx& tx) { return refused_places(tx, t.is.id, 10); });
  REQUIRE(bad.size() == 2);
  CHECK(bad[0].code == "empty_file");
  CHECK(bad[1].path == "x.epub");
  CHECK(t.look().unchanged == 2);
  t.put("x.epub");
  CHECK(t.scan().added == 1);
  CHECK(t.places() == "empty.epub refused, x.epub book");
}

TEST_CASE("of a book whose file was spoilt, the book stays and the file is named") {
  in_place t;
  t.put("x.epub");
  t.scan();
  write(t.root / "x.epub", "PK\3\4 nothing");
  CHECK(t.scan().refused == 1);
  CHECK(t.books() == 1);
  CHECK(t.places() == "x.epub refused");
  CHECK_FALSE(t.b.store.holds((t.root / "x.epub").native(), t.b.number("select file_size from book_files")));
  t.put("x.epub", {.text = "Written anew."});
  CHECK(t.scan().replaced == 1);
  CHECK(t.books() == 1);
}

TEST_CASE("bytes that the store has are no second book, and a copy within the tree neither") {
  in_place t;
  write(t.b.inbox / "s.epub", epub({.title = "Stored"}));
  t.b.take({t.b.inbox / "s.epub"});
  t.put("s.epub", {.title = "Stored"});
  t.put("a/y.epub", {.title = "Twice", .text = "Two of them."});
  t.put("b/y.epub", {.title = "Twice", .text = "Two of them."});
  read_counts c = t.scan();
  CHECK(c.added == 1);
  CHECK(c.duplicates == 2);
  CHECK(t.books() == 2);
  CHECK(t.look().unchanged == 3);
}

TEST_CASE("the same work in other bytes waits for a person") {
  in_place t;
  t.put("a.epub", {.title = "Same", .text = "One edition."});
  t.scan();
  t.put("b.epub", {.title = "Same", .text = "Another edition."});
  t.scan();
  CHECK(t.b.number("select count(*) from books where status = 'review' and possible_duplicate_of is not null") == 1);
}

TEST_CASE("names of any bytes are read and found again") {
  in_place t;
  std::string odd = "caf\xe9 \n 100%.epub";
  write(t.root / odd, epub({.title = "Odd"}));
  t.put("%41.epub", {.title = "Percent", .text = "Not decoded."});
  CHECK(t.scan().added == 2);
  std::string stored = t.b.text("select storage_path from book_files where storage_path like '\\%%'");
  CHECK(t.b.store.absolute(stored) == t.root / odd);
  CHECK(t.b.store.holds(stored));
  CHECK(t.b.store.holds(t.b.text("select storage_path from book_files where storage_path like '%/\\%41.epub'")));
  CHECK(t.look().unchanged == 2);
}

TEST_CASE("a file that is read in place cannot be replaced, and is not unlinked when its book goes for good") {
  in_place t;
  fs::path p = t.put("x.epub");
  t.scan();
  uuid file = *uuid::parse(t.column("id", "x.epub"));
  fs::path staged = t.b.data / "staging" / "upload-1";
  write(staged, epub({.text = "New."}));
  std::optional<error> bad = replace_file(t.b.with, file, staged, ada);
  REQUIRE(bad);
  CHECK(bad->field == "library.read_only");
  uuid book = *uuid::parse(t.column("book_id", "x.epub"));
  t.b.pool.write_now([&](db::tx& tx) { return library::trash_books(tx, {book}, ada); });
  t.b.text("with u as (update books set deleted_at = now() - interval '1 year' returning id) select count(*)::text from u");
  quiet_progress p2;
  CHECK(sweep_store(t.b.with, p2).books == 1);
  CHECK(fs::exists(p));
  // It was deleted here: the file is not taken in again as long as nobody touches it.
  CHECK(t.scan().added == 0);
  CHECK(t.books() == 0);
}

TEST_CASE("verifying finds what changed behind its name and what is gone") {
  in_place t;
  fs::path good = t.put("good.epub", {.title = "Good"}), rotten = t.put("rotten.epub", {.title = "Rotten", .text = "Bits."});
  t.put("gone.epub", {.title = "Gone", .text = "Away."});
  t.put("edited.epub", {.title = "Edited", .text = "Before."});
  t.scan();
  auto time = fs::last_write_time(rotten);
  {
    int fd = ::open(rotten.c_str(), O_WRONLY);
    REQUIRE(::pwrite(fd, "X", 1, 40) == 1);
    ::close(fd);
  }
  fs::last_write_time(rotten, time);
  fs::remove(t.root / "gone.epub");
  t.put("edited.epub", {.title = "Edited", .text = "Afterwards."});
  db::notifier bell(t.b.database.url());
  jobs::workers w(t.b.pool, bell, 1, "test");
  register_library_jobs(w, t.b.with);
  t.b.pool.write_now([&](db::tx& tx) { return enqueue_verify(tx, t.is); });
  REQUIRE(w.run_one());
  CHECK(t.b.text("select original_name from book_files where damaged_since is not null") == "rotten.epub");
  CHECK(t.b.text("select original_name from book_files where missing_since is not null") == "gone.epub");
  library::library_counts c = t.b.pool.read_now([&](db::tx& tx) { return library::count_library(tx, t.is.id); });
  CHECK(c.missing == 1);
  CHECK(c.damaged == 1);
}

TEST_CASE("the same bytes sent in replace a file that was read in place and is damaged, without writing there") {
  in_place t;
  std::string bytes = epub({});
  t.put("x.epub");
  t.scan();
  write(t.root / "x.epub", bytes.substr(0, bytes.size() / 2));
  std::string before = t.state_of_folder();
  write(t.b.inbox / "x.epub", bytes);
  outcome o = t.b.take({t.b.inbox / "x.epub"});
  CHECK(o.duplicates.size() == 1);
  CHECK(t.state_of_folder() == before);
  CHECK(t.books() == 1);
  CHECK(read(t.b.store.absolute(t.b.text("select storage_path from book_files"))) == bytes);
  CHECK(t.b.files("library").size() == 1);
}

TEST_CASE("files that are read in place never take each other's place") {
  in_place t;
  t.put("older.epub", {.title = "Rain"});
  t.put("newer.epub", {.title = "Rain", .text = "It rains more."});
  t.scan();
  std::string before = t.state_of_folder();
  uuid older = uuid::parse(t.column("book_id", "older.epub")).value(),
       newer = uuid::parse(t.column("book_id", "newer.epub")).value();
  result<library::merge_outcome> out = merge_books(t.b.with, older, {newer}, library::merge_act::replace, {});
  REQUIRE_FALSE(out);
  CHECK(out.error().field == "format");
  CHECK(t.b.number("select count(*) from books where merged_into is not null") == 0);
  CHECK(t.b.files("attic").empty());
  CHECK(t.state_of_folder() == before);
}

TEST_CASE("a removed library leaves its files and comes back with its books") {
  in_place t;
  t.put("x.epub");
  t.scan();
  std::string before = t.state_of_folder();
  CHECK(t.b.pool.write_now([&](db::tx& tx) { return library::remove_library(tx, t.is.id, ada); }) == 1);
  CHECK(t.state_of_folder() == before);
  CHECK(t.books() == 0);
  CHECK(t.b.pool.read_now(library::libraries).size() == 1);
  uuid again = t.b.pool.write_now([&](db::tx& tx) { return library::add_library(tx, "New name", "in_place", t.root, "", ada); });
  CHECK(again == t.is.id);
  CHECK(t.books() == 1);
  CHECK(t.look().unchanged == 1);
}
