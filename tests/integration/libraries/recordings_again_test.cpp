// A folder of recordings that is read in place, whose files are others than those that were read there.

#include <csignal>

#include "../ingest/recordings.hpp"
#include "helper.hpp"
#include "in_place.hpp"
#include "library/book.hpp"

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

void lay_out_anew(const fs::path& folder) {
  write(folder / "Part 1.mp3", track(voyage, "Anew 1", 1, 41));
  write(folder / "Part 2.mp3", track(voyage, "Anew 2", 2, 42));
}

bool waits(in_place& t) {
  return t.b.pool.read_now([&](db::tx& tx) { return waits_for_reading(tx, t.is.id); });
}

}  // namespace

TEST_CASE("a folder read in place whose recordings were all exchanged for others is the same book") {
  in_place t;
  lay_out(t.root / voyage);
  t.scan();
  std::string book = t.b.text("select id::text from books");
  fs::remove_all(t.root / voyage);
  write(t.root / "other.epub", epub({}));  // without it the folder would look like a disk that is away
  lay_out_anew(t.root / voyage);
  CHECK(t.scan().joined == 2);
  CHECK(t.b.text("select id::text from books where title = 'The Voyage'") == book);
  CHECK(t.books() == 2);
  CHECK(tracks_of(t.b, voyage) == "1 Part 1.mp3; 2 Part 2.mp3");
  CHECK(t.b.number("select count(*) from book_files where missing_since is not null") == 0);
  CHECK(t.b.number("select count(*) from library_files where missing_since is not null") == 0);
  CHECK_FALSE(waits(t));
  SECTION("and another work there is another book") {
    fs::remove_all(t.root / voyage);
    write(t.root / voyage / "x.mp3", track("The Harbour", "One", 1, 50));
    write(t.root / voyage / "y.mp3", track("The Harbour", "Two", 2, 60));
    t.scan();
    CHECK(t.books() == 3);
    CHECK(t.b.number("select count(*) from book_files where missing_since is not null") == 2);
  }
}

TEST_CASE("recordings that were moved aside while others came to lie in their place are not forgotten") {
  in_place t;
  lay_out(t.root / voyage);
  t.scan();
  for (const char* name : {"a.mp3", "b.mp3", "c.mp3"}) {
    fs::create_directories(t.root / voyage / "zz older");
    fs::rename(t.root / voyage / name, t.root / voyage / "zz older" / name);
  }
  lay_out_anew(t.root / voyage);
  t.scan();
  CHECK(t.b.number("select count(*) from book_files where missing_since is null") == 5);
  CHECK(t.b.number("select count(*) from library_files where state = 'book' and missing_since is null") == 5);
}

TEST_CASE("a recording more of a book in the trash that is read in place goes to its book") {
  in_place t;
  lay_out(t.root / voyage);
  t.scan();
  uuid book = *uuid::parse(t.b.text("select id::text from books"));
  t.b.pool.write_now([&](db::tx& tx) { return library::trash_books(tx, {book}, {}); });
  write(t.root / voyage / "d.mp3", track(voyage, "The Fourth", 4, 40));
  t.put("The Voyage/The Voyage.epub", {.title = voyage, .author = "Ada Fenwick"});
  t.scan();
  CHECK(t.b.number("select count(*) from books") == 2);
  CHECK(t.books() == 1);  // the text
  CHECK(t.b.text(
            "select string_agg(f.format, ' ') from books b join book_files f on f.book_id = b.id where b.deleted_at is null") ==
        "epub");
  CHECK(tracks_of(t.b, voyage) == "1 a.mp3; 2 b.mp3; 3 c.mp3; 4 d.mp3");
  CHECK_FALSE(waits(t));
}

TEST_CASE("killed while recordings are read in place, the next look completes their book") {
  for (auto [s, times] : std::vector<std::pair<step, int>>{{step::stored, 1}, {step::stored, 2}, {step::stored, 3}}) {
    in_place t;
    INFO("at the " << times);
    lay_out(t.root / voyage);
    CHECK(run_helper(t, s, times) == SIGKILL);
    CHECK(t.look().unchanged == 3);
    CHECK(waits(t));
    t.scan();
    CHECK(t.books() == 1);
    CHECK(tracks_of(t.b, voyage) == "1 a.mp3; 2 b.mp3; 3 c.mp3");
    CHECK(t.b.text("select duration_seconds::text from audio_editions") == "2.16");
    CHECK_FALSE(waits(t));
  }
}

TEST_CASE("killed while recordings are exchanged in place, the next look completes their book") {
  for (int times : {1, 2}) {
    in_place t;
    INFO("at the " << times);
    lay_out(t.root / voyage);
    t.put("other.epub");
    t.scan();
    fs::remove_all(t.root / voyage);
    lay_out_anew(t.root / voyage);
    CHECK(run_helper(t, step::stored, times) == SIGKILL);
    t.look();
    CHECK(waits(t));
    t.scan();
    CHECK(t.books() == 2);
    CHECK(tracks_of(t.b, voyage) == "1 Part 1.mp3; 2 Part 2.mp3");
    CHECK(t.b.number("select count(*) from book_files where missing_since is not null") == 0);
    CHECK_FALSE(waits(t));
  }
}

TEST_CASE("a recording that was away and is back has its place again") {
  in_place t;
  lay_out(t.root / voyage);
  t.scan();
  fs::rename(t.root / voyage / "b.mp3", t.b.folder / "b.mp3");
  write(t.root / voyage / "d.mp3", track(voyage, "The Fourth", 4, 40));
  t.scan();
  CHECK(tracks_of(t.b, voyage) == "1 a.mp3; 2 c.mp3; 3 d.mp3");
  fs::rename(t.b.folder / "b.mp3", t.root / voyage / "b.mp3");
  t.scan();
  CHECK(tracks_of(t.b, voyage) == "1 a.mp3; 2 b.mp3; 3 c.mp3; 4 d.mp3");
}

TEST_CASE("discs that lie in the root of a library are one book, and a text of another title beside recordings another") {
  in_place t;
  for (int disc = 1; disc <= 2; ++disc) {
    std::string number = std::to_string(disc);
    write(t.root / ("CD" + number) / "1.mp3",
          track("The Voyage (CD " + number + ")", "Part", 1, 10 + static_cast<std::size_t>(disc)));
  }
  write(t.root / "1.mp3", track("The Harbour", "Alone", 1, 40));
  lay_out(t.root / "Night");
  t.put("Night/x.epub", {.title = "Quux", .author = "Somebody Else"});
  t.scan();
  CHECK(t.b.text("select string_agg(title, ', ' order by title) from books") == "Quux, The Harbour, The Voyage, The Voyage");
  CHECK(t.b.text(
            "select string_agg(n::text, ' ' order by n) from (select count(*) as n from audio_tracks group by edition_id) c") ==
        "1 2 3");
  CHECK(t.b.number("select count(*) from library_files where state = 'waiting'") == 0);
  CHECK_FALSE(waits(t));
}
