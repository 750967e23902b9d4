// Managed trees: files lie where the pattern says, whatever interrupts their way there (ingest.md 4.3, 4.4, 6).

#include <sys/stat.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <csignal>

#include "helper.hpp"
#include "ingest/in_place.hpp"
#include "ingest/library_acts.hpp"
#include "ingest/merging.hpp"
#include "ingest/replace.hpp"
#include "library/book.hpp"
#include "managed_tree.hpp"

using namespace carrel;
using namespace carrel::ingest;
using namespace carrel::ingest::test;

namespace {

int organise_and_die(const managed& t, step s, int times) { return run_helper(t.b, "organise", s, times); }

constexpr const char* small = "Ada Lark/The Small Book/The Small Book - Ada Lark.epub\n";

}  // namespace

TEST_CASE("an approved book lies where the pattern says and is served from there") {
  managed t;
  uuid book = t.take("x.epub");
  CHECK(t.b.text("select name from libraries l join books b on b.library_id = l.id") == "Tree");
  CHECK(t.organise().empty());
  CHECK(t.tree() == small);
  t.check_whole(1);
  CHECK(t.b.files("library").empty());
  std::string stored = t.b.text("select storage_path from book_files");
  CHECK(t.b.store.holds(stored));
  struct stat s {};
  ::stat((t.root / "Ada Lark").c_str(), &s);
  CHECK((s.st_mode & 0777) == 0750);
  // Nothing is due any more, and looking again changes nothing.
  std::string before = t.b.rows_of_everything();
  CHECK_FALSE(t.due());
  CHECK(organise_book(t.b.with, t.is(), book, t.names)->moves.empty());
  CHECK(t.b.rows_of_everything() == before);
}

TEST_CASE("what waits for review is not organised") {
  managed t;
  write(t.b.inbox / "x.epub", epub({}));
  t.b.take({t.b.inbox / "x.epub"}, true, false);
  CHECK(t.organise().empty());
  CHECK(t.tree().empty());
  uuid book = *uuid::parse(t.b.text("select id::text from books"));
  t.b.pool.write_now([&](db::tx& tx) { library::approve_book(tx, book, ada); });
  t.organise();
  CHECK(t.tree() == small);
}

TEST_CASE("a changed title moves the files, and empty folders go") {
  managed t;
  uuid book = t.take("x.epub");
  t.organise();
  auto time = fs::last_write_time(t.root / "Ada Lark/The Small Book/The Small Book - Ada Lark.epub");
  t.set(book, "title", "Another / Title");
  t.organise();
  CHECK(t.tree() == "Ada Lark/Another - Title/Another - Title - Ada Lark.epub\n");
  CHECK_FALSE(fs::exists(t.root / "Ada Lark/The Small Book"));
  CHECK(fs::last_write_time(t.root / "Ada Lark/Another - Title/Another - Title - Ada Lark.epub") == time);
  t.check_whole(1);
  CHECK(t.b.text("select download_name from book_files") == "The Small Book - Ada Lark.epub");  // frozen
}

TEST_CASE("files of one book move together") {
  managed t;
  uuid book = t.take("x.epub");
  t.b.text(
      "with f as (insert into book_files (id, book_id, format, original_name, storage_path, file_size, checksum)"
      " select gen_random_uuid(), book_id, 'txt', 'x.txt', 'library/zz/x.txt', 4, '" +
      sha256_hex("text") + "' from book_files returning id) select count(*)::text from f");
  write(t.b.data / "library/zz/x.txt", "text");
  t.organise();
  CHECK(t.tree() ==
        "Ada Lark/The Small Book/The Small Book - Ada Lark.epub\nAda Lark/The Small Book/The Small Book - Ada Lark.txt\n");
  t.set(book, "title", "Other");
  t.organise();
  CHECK(t.tree() == "Ada Lark/Other/Other - Ada Lark.epub\nAda Lark/Other/Other - Ada Lark.txt\n");
  t.check_whole(2);
}

TEST_CASE("two books of one name both have a place, and keep it") {
  managed t;
  t.take("x.epub");
  t.take("y.epub", {.text = "The same title, another text."});
  t.b.text(
      "with u as (update books set status = 'organized', possible_duplicate_of = null returning id) select count(*)::text from "
      "u");
  t.organise();
  std::string both = std::string("Ada Lark/The Small Book (2)/The Small Book - Ada Lark.epub\n") + small;
  CHECK(t.tree() == both);
  t.b.text("with u as (delete from organised_books returning 1) select count(*)::text from u");
  t.organise();
  CHECK(t.tree() == both);
  t.check_whole(2);
}

TEST_CASE("what lies in the tree already is never replaced, and the same bytes are no second copy") {
  managed t;
  write(t.root / "Ada Lark/The Small Book/the small book - ADA LARK.EPUB", "somebody's own");
  t.take("x.epub");
  t.organise();
  CHECK(t.tree() ==
        "Ada Lark/The Small Book (2)/The Small Book - Ada Lark.epub\n"
        "Ada Lark/The Small Book/the small book - ADA LARK.EPUB\n");
  CHECK(read(t.root / "Ada Lark/The Small Book/the small book - ADA LARK.EPUB") == "somebody's own");
}

TEST_CASE("a link in the tree is not followed") {
  managed t;
  fs::path outside = t.b.folder / "outside";
  fs::create_directories(outside);
  fs::create_directory_symlink(outside, t.root / "Ada Lark");
  t.take("x.epub");
  CHECK(t.organise().empty());  // a link is no folder: the book gets one of its own
  CHECK(fs::is_empty(outside));
  CHECK(t.b.text("select storage_path from book_files").ends_with("/Ada Lark (2)/The Small Book/The Small Book - Ada Lark.epub"));
}

TEST_CASE("a tree that is away, or suddenly empty, gets nothing") {
  managed t;
  t.take("x.epub");
  t.organise();
  uuid second = t.take("y.epub", {.title = "Second", .text = "Another."});
  fs::path aside = t.b.folder / "aside";
  fs::rename(t.root, aside);
  CHECK(t.organise() == "folder_unavailable ");
  fs::create_directory(t.root);
  CHECK(t.organise() == "folder_unavailable ");
  CHECK(fs::is_empty(t.root));
  fs::remove(t.root);
  fs::rename(aside, t.root);
  t.b.text("with u as (delete from organised_books returning 1) select count(*)::text from u");
  CHECK(t.organise().empty());
  CHECK(t.b.store.holds(t.b.text("select storage_path from book_files where book_id = '" + second.text() + "'")));
  t.check_whole(2);
}

TEST_CASE("another pattern is shown before it runs and can be set back") {
  managed t;
  t.take("x.epub");
  t.take("y.epub", {.title = "Second", .author = "Bo Reed", .text = "Another."});
  t.organise();
  std::string before = t.tree();
  path_pattern p = path_pattern::parse("{author_sort} - {title}").value();
  library::pattern_preview preview = preview_pattern(t.b.with, t.is(), p, 100);
  CHECK(preview.books == 2);
  CHECK(preview.moved == 2);
  REQUIRE(preview.lines.size() == 2);
  CHECK(preview.lines[0].from == "Ada Lark/The Small Book/The Small Book - Ada Lark.epub");
  CHECK(preview.lines[0].to == "Lark, Ada - The Small Book.epub");
  CHECK(t.tree() == before);
  t.set_pattern("{author_sort} - {title}");
  t.organise();
  CHECK(t.tree() == "Lark, Ada - The Small Book.epub\nReed, Bo - Second.epub\n");
  CHECK(preview_pattern(t.b.with, t.is(), p, 100).moved == 0);
  t.check_whole(2);
  t.set_pattern(std::string(default_pattern));
  t.organise();
  CHECK(t.tree() == before);
  CHECK(std::distance(fs::directory_iterator(t.root), fs::directory_iterator()) == 2);
}

TEST_CASE("books go from the store into a tree and back") {
  managed t;
  uuid book = t.take("x.epub");
  t.organise();
  library::book_library store = t.b.pool.read_now(library::libraries).front();
  REQUIRE(store.root.empty());
  CHECK(t.b.pool.write_now([&](db::tx& tx) { return library::move_to_library(tx, book, store.id, ada); }) == 1);
  CHECK(t.b.pool.read_now([&](db::tx& tx) { return books_to_place(tx, store, {}, 10); }).size() == 1);
  REQUIRE(organise_book(t.b.with, store, book, t.names));
  CHECK(t.tree().empty());
  CHECK(t.b.files("library").size() == 1);
  t.check_whole(1);
}

TEST_CASE("a file that is written while others are verified is not called damaged") {
  managed t;
  t.take("x.epub");
  t.take("y.epub", {.title = "Other", .text = "Other words."});
  t.organise();
  std::string last = t.b.text("select storage_path from book_files order by id desc limit 1");
  write(t.b.store.absolute(last), "written");
  t.b.pool.write_now([&](db::tx& tx) {
    tx.script("create function write_one() returns trigger language plpgsql as $$ begin update book_files set checksum = '" +
              sha256_hex("written") + "' where storage_path = '" + last +
              "'; return null; end $$; create trigger write_one after update of verified_at on book_files for each row"
              " when (new.storage_path <> '" +
              last + "') execute function write_one()");
  });
  db::notifier bell(t.b.database.url());
  jobs::workers w(t.b.pool, bell, 1, "test");
  register_verify(w, t.b.with);
  library::book_library l = t.is();
  t.b.pool.write_now([&](db::tx& tx) { return enqueue_verify(tx, l); });
  REQUIRE(w.run_one());
  CHECK(t.b.number("select count(*) from book_files where damaged_since is not null") == 0);
  CHECK(t.b.number("select count(*) from book_files where verified_at is not null") == 1);
  CHECK(look_again(t.b.with, *uuid::parse(t.b.text("select id::text from book_files order by id desc limit 1"))));
}

TEST_CASE("killed at any step of a move, the next run leads to one copy and one row") {
  for (step s : {step::hashed, step::folder_made, step::placed, step::stored, step::source_gone}) {
    for (int times : {1, 2}) {
      managed t;
      INFO("step " << static_cast<int>(s) << " at the " << times);
      uuid book = t.take("x.epub");
      t.b.text(
          "with f as (insert into book_files (id, book_id, format, original_name, storage_path, file_size, checksum)"
          " select gen_random_uuid(), book_id, 'txt', 'x.txt', 'library/zz/x.txt', 4, '" +
          sha256_hex("text") + "' from book_files returning id) select count(*)::text from f");
      write(t.b.data / "library/zz/x.txt", "text");
      bool once = s == step::hashed || s == step::stored;
      CHECK(organise_and_die(t, s, times) == (once && times == 2 ? 0 : SIGKILL));
      CHECK(t.organise().empty());
      CHECK(t.tree() ==
            "Ada Lark/The Small Book/The Small Book - Ada Lark.epub\nAda Lark/The Small Book/The Small Book - Ada Lark.txt\n");
      t.check_whole(2);
      // The same from one place in the tree to another, changed once more while it was interrupted.
      t.set(book, "title", "Second");
      CHECK(organise_and_die(t, s, times) == (once && times == 2 ? 0 : SIGKILL));
      t.set(book, "title", "Third");
      CHECK(t.organise().empty());
      CHECK(t.tree() == "Ada Lark/Third/Third - Ada Lark.epub\nAda Lark/Third/Third - Ada Lark.txt\n");
      t.check_whole(2);
    }
  }
}

TEST_CASE("to a tree on another file system files are copied and proven, whatever interrupts it") {
  fs::path other = fs::path("/dev/shm") / ("carrel-test-" + uuid::make().text());
  std::error_code code;
  if (!fs::create_directory(other, code)) {
    WARN("no second file system to try");
    return;
  }
  for (step s : {step::hashed, step::folder_made, step::placed, step::stored, step::source_gone}) {
    fs::remove_all(other);
    managed t(other);
    INFO("step " << static_cast<int>(s));
    t.take("x.epub");
    CHECK(organise_and_die(t, s, 1) == SIGKILL);
    CHECK(t.organise().empty());
    CHECK(t.tree() == small);
    t.check_whole(1);
  }
  fs::remove_all(other);
}

TEST_CASE("a file that is nowhere when its move is taken up comes back from the attic, or is named missing") {
  for (bool in_attic : {true, false}) {
    managed t;
    write(t.b.inbox / "x.epub", epub({}));
    t.b.take({t.b.inbox / "x.epub"}, false);
    REQUIRE(t.b.files("attic").size() == 1);
    CHECK(organise_and_die(t, step::placed, 1) == SIGKILL);
    fs::remove(t.b.files("library").at(0));
    fs::remove(t.root / "Ada Lark/The Small Book/The Small Book - Ada Lark.epub");
    write(t.root / "other", "so that the tree is not empty");
    if (!in_attic) fs::remove(t.b.files("attic").at(0));
    CHECK(t.organise().empty());
    CHECK(t.b.number("select count(*) from book_files where missing_since is not null") == (in_attic ? 0 : 1));
    CHECK(t.b.number("select count(*) from books") == 1);
    CHECK(t.b.number("select count(*) from file_moves") == 0);
    if (in_attic) CHECK(t.tree() == std::string(small) + "other\n");
  }
}

TEST_CASE("a job that is paused ends after the book in hand, and goes on when it is resumed") {
  static managed* of = nullptr;
  managed t;
  of = &t;
  t.take("x.epub");
  t.take("y.epub", {.title = "Second", .text = "Another."});
  library::book_library l = t.is();
  t.b.with.reached = [](step s) {
    if (s == step::stored) of->b.text("with u as (update jobs set state = 'paused' returning 1) select count(*)::text from u");
  };
  db::notifier bell(t.b.database.url());
  jobs::workers w(t.b.pool, bell, 1, "test");
  register_organise(w, t.b.with);
  uuid job = t.b.pool.write_now([&](db::tx& tx) { return enqueue_organise(tx, l); });
  REQUIRE(w.run_one());
  CHECK(t.b.text("select state from jobs where kind = 'library.organise'") == "paused");
  CHECK(t.b.number("select count(*) from book_files where storage_path like 'trees/%'") == 1);
  CHECK_FALSE(w.run_one());
  t.b.with.reached = nullptr;
  CHECK(t.b.pool.write_now([&](db::tx& tx) { return jobs::resume_job(tx, job); }));
  REQUIRE(w.run_one());
  CHECK(t.b.text("select state from jobs where kind = 'library.organise'") == "done");
  CHECK(t.b.number("select progress_done from jobs where kind = 'library.organise'") == 1);
  CHECK(t.b.number("select progress_total from jobs where kind = 'library.organise'") == 1);
  CHECK(t.b.number("select count(*) from book_files where storage_path like 'trees/%'") == 2);
  t.check_whole(2);
}

TEST_CASE("an interrupted move is ended also when its book has become part of another meanwhile") {
  managed t;
  uuid kept = t.take("x.epub");
  uuid other = t.take("y.epub", {.title = "Second", .text = "Another."});
  CHECK(organise_and_die(t, step::placed, 2) == SIGKILL);
  CHECK(t.b.number("select count(*) from file_moves") == 1);
  result<library::merge_outcome> m = merge_books(t.b.with, kept, {other}, library::merge_act::merge, ada);
  REQUIRE(m);
  CHECK(t.organise().empty());
  CHECK(t.b.number("select count(*) from book_files where book_id = '" + kept.text() + "'") == 2);
  t.check_whole(2);
}

TEST_CASE("a file that took the place of another gives it back, wherever both were moved to meanwhile") {
  managed t;
  uuid kept = t.take("x.epub"), other = t.take("y.epub", {.text = "The same title, another text."});
  t.b.text(
      "with u as (update books set status = 'organized', possible_duplicate_of = null returning id) select count(*)::text from "
      "u");
  t.organise();
  std::string both = t.tree();
  result<library::merge_outcome> m = merge_books(t.b.with, kept, {other}, library::merge_act::replace, ada);
  REQUIRE(m);
  CHECK(t.organise().empty());
  CHECK(t.tree() == small);
  t.check_whole(1);
  result<library::unmerge_outcome> back = undo_merge(t.b.with, m->merge, ada);
  CHECK((back ? "" : back.error().message()) == "");
  REQUIRE(back);
  CHECK(t.organise().empty());
  CHECK(t.tree() == both);
  t.check_whole(2);
}

TEST_CASE("a file that gets other bytes while it is moved is kept once, and the old bytes in the attic only") {
  for (bool killed : {false, true}) {
    static managed* of = nullptr;
    static std::optional<error> bad;
    managed t;
    of = &t;
    t.take("x.epub");
    auto put_new = [](step s) {
      if (s != step::placed) return;
      of->b.with.reached = nullptr;
      write(of->b.folder / "new.epub", epub({.text = "Other words."}));
      bad = replace_file(of->b.with, *uuid::parse(of->b.text("select id::text from book_files")), of->b.folder / "new.epub", ada);
    };
    if (killed) {
      CHECK(organise_and_die(t, step::placed, 1) == SIGKILL);
      put_new(step::placed);
    } else {
      t.b.with.reached = put_new;
    }
    CHECK(t.organise().empty());
    CHECK_FALSE(bad);
    CHECK(t.organise().empty());
    CHECK(t.tree() == small);
    t.check_whole(1);
  }
}

TEST_CASE("the job moves what is due and names what cannot be moved") {
  managed t;
  t.take("x.epub");
  db::notifier bell(t.b.database.url());
  jobs::workers w(t.b.pool, bell, 1, "test");
  register_organise(w, t.b.with);
  library::book_library l = t.is();
  t.b.pool.write_now([&](db::tx& tx) { return enqueue_organise(tx, l); });
  REQUIRE(w.run_one());
  CHECK(t.tree() == small);
  CHECK(t.b.text("select state from jobs where kind = 'library.organise'") == "done");
  CHECK_FALSE(t.due());
}
