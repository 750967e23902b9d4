// A folder of recordings whose files are others than those that came from it (audiobooks.md A2, ingest.md 18.4).

#include <catch2/catch.hpp>
#include <csignal>

#include "household.hpp"
#include "killed.hpp"
#include "library/book.hpp"
#include "recordings.hpp"

using namespace carrel;
using namespace carrel::ingest;
using namespace carrel::ingest::test;

namespace {

const std::string voyage = "The Voyage";

void lay_out(const fs::path& folder) {
  write(folder / "a.mp3", track(voyage, "The First", 1, 10));
  write(folder / "b.mp3", track(voyage, "The Second", 2, 20));
  write(folder / "c.mp3", track(voyage, "The Third", 3, 30));
}

// The same book in files of another make.
void lay_out_anew(const fs::path& folder) {
  write(folder / "Part 1.mp3", track(voyage, "Anew 1", 1, 31));
  write(folder / "Part 2.mp3", track(voyage, "Anew 2", 2, 29));
}

void check_anew(workbench& b) {
  CHECK(b.number("select count(*) from books") == 1);
  CHECK(tracks_of(b, voyage) == "1 Part 1.mp3; 2 Part 2.mp3");
  CHECK(b.text("select string_agg(original_name, ' ' order by position) from book_files") == "Part 1.mp3 Part 2.mp3");
  CHECK(b.text("select duration_seconds || ' ' || scan_state from audio_editions") == "2.16 ok");
}

uuid trash_the_book(workbench& b) {
  uuid book = *uuid::parse(b.text("select id::text from books"));
  b.pool.write_now([&](db::tx& tx) { return library::trash_books(tx, {book}, {}); });
  return book;
}

}  // namespace

TEST_CASE("a folder whose recordings were all exchanged for others is the same book, and the older bytes are in the attic") {
  workbench b;
  fs::path folder = b.inbox / voyage;
  lay_out(folder);
  b.take({b.inbox});
  std::string book = b.text("select id::text from books");
  b.pool.write_now([](db::tx& tx) { tx.script("update books set title = 'The Voyage', subtitle = 'Mine'"); });
  fs::remove_all(folder);
  lay_out_anew(folder);
  outcome out = b.take({b.inbox});
  INFO(codes(out));
  CHECK(out.added.size() == 2);
  check_anew(b);
  CHECK(b.text("select id || ' ' || subtitle from books") == book + " Mine");
  CHECK(b.files("attic").size() == 3);
  CHECK(b.files("library").size() == 2);
  CHECK(b.number("select count(*) from audit where action = 'file.replace'") == 3);
  SECTION("and the same once more changes nothing") {
    std::string rows = b.rows_of_everything();
    CHECK(b.take({b.inbox}).duplicates.size() == 2);
    CHECK(b.rows_of_everything() == rows);
  }
}

TEST_CASE("a folder whose recordings were all written to is the same book") {
  workbench b;
  lay_out(b.inbox / voyage);
  b.take({b.inbox});
  std::string files = b.text("select string_agg(id::text, ' ' order by position) from book_files");
  int frames = 50;
  for (const char* name : {"a.mp3", "b.mp3", "c.mp3"}) {
    fs::remove(b.inbox / voyage / name);
    write(b.inbox / voyage / name, track(voyage, std::string("Anew ") + name, frames - 49, static_cast<std::size_t>(frames)));
    ++frames;
  }
  CHECK(b.take({b.inbox}).added.size() == 3);
  CHECK(b.number("select count(*) from books") == 1);
  CHECK(tracks_of(b, voyage) == "1 a.mp3; 2 b.mp3; 3 c.mp3");
  CHECK(b.text("select string_agg(id::text, ' ' order by position) from book_files") == files);
}

TEST_CASE("a book of recordings that is brought anew takes the place of the older files when it is as long") {
  workbench b;
  lay_out(b.inbox / voyage);
  b.take({b.inbox}, false);
  REQUIRE_FALSE(fs::exists(b.inbox / voyage / "a.mp3"));
  lay_out_anew(b.inbox / voyage);
  b.take({b.inbox}, false);
  check_anew(b);
}

TEST_CASE("a disc that is brought after another adds to its book, also under the names of the first") {
  workbench b;
  lay_out(b.inbox / voyage);
  b.take({b.inbox}, false);
  write(b.inbox / voyage / "a.mp3", track(voyage, "The Fourth", 1, 70));
  write(b.inbox / voyage / "b.mp3", track(voyage, "The Fifth", 2, 80));
  b.take({b.inbox}, false);
  CHECK(b.number("select count(*) from books") == 1);
  CHECK(b.number("select count(*) from audio_tracks") == 5);
  CHECK(b.number("select count(*) from book_files") == 5);
  CHECK(b.text("select round(duration_seconds * 1000)::text from audio_editions") == "7560");
}

TEST_CASE("another work in the same folder is another book") {
  workbench b;
  lay_out(b.inbox / voyage);
  b.take({b.inbox}, false);
  write(b.inbox / voyage / "a.mp3", track("The Harbour", "The First", 1, 10));
  write(b.inbox / voyage / "b.mp3", track("The Harbour", "The Second", 2, 20));
  b.take({b.inbox}, false);
  CHECK(b.text("select string_agg(title, ', ' order by title) from books") == "The Harbour, The Voyage");
  CHECK(tracks_of(b, voyage) == "1 a.mp3; 2 b.mp3; 3 c.mp3");
  CHECK(tracks_of(b, "The Harbour") == "1 a.mp3; 2 b.mp3");
}

TEST_CASE("killed while a folder's recordings are exchanged, it is one book of the newer ones afterwards") {
  for (const char* policy : {"keep", "move"}) {
    for (auto [s, times] : std::vector<std::pair<step, int>>{
             {step::hashed, 1}, {step::placed, 2}, {step::stored, 1}, {step::stored, 2}, {step::told, 1}}) {
      workbench b;
      INFO(policy << " step " << static_cast<int>(s) << ", time " << times);
      lay_out(b.inbox / voyage);
      b.take({b.inbox}, std::string(policy) == "keep");
      fs::remove_all(b.inbox / voyage);
      lay_out_anew(b.inbox / voyage);
      CHECK(run_and_kill(b, policy, s, b.inbox, times) == SIGKILL);
      b.recover();
      check_anew(b);
      CHECK(b.files("staging").empty());
      CHECK(b.files("library").size() == 2);
    }
  }
}

TEST_CASE("a recording more of a book in the trash lies there with it, and errata says so") {
  household h;
  lay_out(h.drop() / voyage);
  REQUIRE(eventually([&] { return h.b.number("select count(*) from ingest_groups where ended") == 1; }));
  uuid book = trash_the_book(h.b);
  write(h.drop() / voyage / "d.mp3", track(voyage, "The Fourth", 4, 40));
  REQUIRE(eventually([&] { return h.errata() == "d.mp3 recording_trashed"; }));
  CHECK(h.books() == 1);
  CHECK(tracks_of(h.b, voyage) == "1 a.mp3; 2 b.mp3; 3 c.mp3; 4 d.mp3");
  CHECK(h.b.number("select count(*) from books where deleted_at is not null") == 1);
  h.b.pool.write_now([&](db::tx& tx) { return library::untrash_books(tx, {book}, {}); });
  CHECK(h.b.text("select scan_state from audio_editions") == "ok");
}

TEST_CASE("a book that is brought anew after it was deleted is a book, and a text beside it is no part of the deleted one") {
  workbench b;
  lay_out(b.inbox / voyage);
  b.take({b.inbox});
  trash_the_book(b);
  SECTION("all of its recordings are others") {
    fs::remove_all(b.inbox / voyage);
    lay_out_anew(b.inbox / voyage);
    b.take({b.inbox});
    CHECK(b.number("select count(*) from books where deleted_at is null") == 1);
    CHECK(b.number("select count(*) from book_files f join books b on b.id = f.book_id where b.deleted_at is not null") == 3);
    CHECK(b.number("select count(*) from audio_tracks t join audio_editions e on e.id = t.edition_id join books b on b.id = "
                   "e.book_id where b.deleted_at is null") == 2);
  }
  SECTION("a text comes to lie there") {
    write(b.inbox / voyage / "The Voyage.epub", epub({.title = voyage, .author = "Ada Fenwick"}));
    b.take({b.inbox});
    CHECK(b.text(
              "select string_agg(f.format, ' ') from books b join book_files f on f.book_id = b.id where b.deleted_at is null") ==
          "epub");
  }
}

TEST_CASE("discs that lie in the drop folder itself are one book, and those of another album another") {
  household h;
  for (int disc = 1; disc <= 2; ++disc) {
    std::string number = std::to_string(disc);
    write(h.drop() / ("CD" + number) / "1.mp3",
          track("The Voyage (CD " + number + ")", "Part " + number, 1, 10 + static_cast<std::size_t>(disc)));
  }
  write(h.drop() / "CD3" / "1.mp3", track("The Harbour", "Alone", 1, 40));
  write(h.drop() / "x.epub", epub({.title = "A Text"}));
  REQUIRE(eventually([&] { return h.b.number("select count(*) from ingest_items where source_done") == 4; }));
  REQUIRE(eventually([&] { return h.b.number("select count(*) from ingest_groups where not ended") == 0; }));
  CHECK(h.b.text("select string_agg(title, ', ' order by title) from books") == "A Text, The Harbour, The Voyage");
  CHECK(h.b.number(
            "select count(*) from audio_tracks t join audio_editions e on e.id = t.edition_id join books b on b.id = e.book_id "
            "where b.title = 'The Voyage'") == 2);
  CHECK(eventually([&] { return fs::is_empty(h.drop()); }));
}

TEST_CASE("a text of another title beside several recordings is a book of its own") {
  workbench b;
  lay_out(b.inbox / voyage);
  write(b.inbox / voyage / "x.epub", epub({.title = "Quux", .author = "Somebody Else"}));
  b.take({b.inbox});
  CHECK(b.text("select string_agg(title, ', ' order by title) from books") == "Quux, The Voyage");
  CHECK(tracks_of(b, voyage) == "1 a.mp3; 2 b.mp3; 3 c.mp3");
}
