// Folders of recordings that are read in place (audiobooks.md A2, ingest.md 3.4, 14.5).

#include "../../unit/publication/audio_maker.hpp"
#include "../../unit/publication/zip_maker.hpp"
#include "in_place.hpp"

using namespace carrel;
using namespace carrel::ingest;
using namespace carrel::ingest::test;
namespace sound = carrel::publication::test;

namespace {

// 36 ms a frame.
std::string track(const std::string& album, const std::string& title, int number, std::size_t frames = 100) {
  std::string tags = sound::id3_text("TIT2", title);
  if (!album.empty()) tags += sound::id3_text("TALB", album) + sound::id3_text("TPE1", "Ada Fenwick");
  if (number > 0) tags += sound::id3_text("TRCK", std::to_string(number));
  return sound::mp3(tags, frames);
}

// Three parts whose names are in another order than their numbers.
void lay_out(const fs::path& folder) {
  write(folder / "a.mp3", track("The Voyage", "The Third", 3, 30));
  write(folder / "b.mp3", track("The Voyage", "The First", 1, 10));
  write(folder / "c.mp3", track("The Voyage", "The Second", 2, 20));
}

std::string tracks_of(in_place& t) {
  return t.b.text(
      "select coalesce(string_agg(k.track_index || ' ' || f.original_name || ' ' || k.title || ' ' || round(k.start_offset * "
      "1000),"
      " '; ' order by k.track_index), '') from audio_tracks k join book_files f on f.id = k.book_file_id");
}

const std::string three = "1 b.mp3 The First 0; 2 c.mp3 The Second 360; 3 a.mp3 The Third 1080";

}  // namespace

TEST_CASE("a folder of recordings that is read in place is one book in the order of its tracks") {
  in_place t;
  lay_out(t.root / "Ada Fenwick/The Voyage");
  write(t.root / "Ada Fenwick/The Voyage/folder.png", sound::make_png(300, 300));
  write(t.root / "Ada Fenwick/The Voyage/metadata.json",
        R"({"title": "The Voyage", "narrators": ["Nora Voice"], "chapters": [{"id": 0, "start": 0, "end": 1, "title": "Out"},
            {"id": 1, "start": 1, "end": 2.16, "title": "Home"}]})");
  std::string before = t.state_of_folder();
  read_counts c = t.scan();
  CHECK(c.added == 1);
  CHECK(c.joined == 2);
  CHECK(t.books() == 1);
  CHECK(t.b.text("select title || ' / ' || author from books") == "The Voyage / Ada Fenwick");
  CHECK(tracks_of(t) == three);
  CHECK(t.b.text("select string_agg(title, ', ' order by idx) from audio_chapters") == "Out, Home");
  CHECK(t.b.text("select string_agg(download_name, ', ' order by position) from book_files") ==
        "01 - b.mp3, 02 - c.mp3, 03 - a.mp3");
  CHECK(t.b.text("select duration_seconds || ' ' || scan_state from audio_editions") == "2.16 ok");
  CHECK(t.b.number("select c.width from books b join covers c on c.id = b.cover_id") == 300);
  CHECK(t.b.text("select p.name from book_people bp join people p on p.id = bp.person_id where bp.role = 'nrt'") == "Nora Voice");
  CHECK(t.state_of_folder() == before);

  SECTION("a second look changes nothing") {
    std::string rows = t.b.rows_of_everything();
    t.scan();
    CHECK(t.b.rows_of_everything() == rows);
  }
  SECTION("a part that comes later takes its place") {
    write(t.root / "Ada Fenwick/The Voyage/0.mp3", track("The Voyage", "Before It", 0, 5));
    write(t.root / "Ada Fenwick/The Voyage/d.mp3", track("The Voyage", "The Fourth", 4, 40));
    fs::remove(t.root / "Ada Fenwick/The Voyage/0.mp3");
    CHECK(t.scan().joined == 1);
    CHECK(t.books() == 1);
    CHECK(tracks_of(t) == three + "; 4 d.mp3 The Fourth 2160");
  }
  SECTION("a part that was written to is the same part") {
    write(t.root / "Ada Fenwick/The Voyage/c.mp3", track("The Voyage", "The Second, Mended", 2, 40));
    CHECK(t.scan().replaced == 1);
    CHECK(t.books() == 1);
    CHECK(tracks_of(t) == "1 b.mp3 The First 0; 2 c.mp3 The Second, Mended 360; 3 a.mp3 The Third 1800");
  }
  SECTION("a folder that is renamed is the same book") {
    fs::rename(t.root / "Ada Fenwick", t.root / "Fenwick");
    CHECK(t.scan().moved == 3);
    CHECK(t.books() == 1);
    CHECK(tracks_of(t) == three);
  }
}

TEST_CASE("without tags the folders name the book that is read in place, and the files their order") {
  in_place t;
  fs::path folder = t.root / "Ada Fenwick" / "Harbours" / "Book 2 - The Voyage {Nora Voice}";
  for (int i = 1; i <= 11; ++i)
    write(folder / ("Part " + std::to_string(i) + ".mp3"), sound::mp3({}, static_cast<std::size_t>(i) + 5));
  t.scan();
  CHECK(t.books() == 1);
  CHECK(
      t.b.text("select b.title || ' / ' || b.author || ' / ' || s.name || ' ' || b.series_index_text from books b join series s "
               "on s.id = b.series_id") == "The Voyage / Ada Fenwick / Harbours 2");
  CHECK(t.b.text("select string_agg(substring(original_name from '[0-9]+'), ' ' order by position) from book_files") ==
        "1 2 3 4 5 6 7 8 9 10 11");
}

TEST_CASE("discs are of the folder above, several works are several books, and the root holds single ones") {
  in_place t;
  for (int disc = 1; disc <= 2; ++disc)
    for (int i = 1; i <= 2; ++i)
      write(t.root / "The Voyage" / ("CD " + std::to_string(disc)) / (std::to_string(i) + ".mp3"),
            track("The Voyage (CD " + std::to_string(disc) + ")", "Part", i, static_cast<std::size_t>(10 * disc + i)));
  write(t.root / "Works/one.mp3", track("One", "x", 0, 50));
  write(t.root / "Works/two.mp3", track("Two", "x", 0, 60));
  write(t.root / "alone.mp3", track("Alone", "x", 0, 70));
  write(t.root / "left.mp3", track("", "Left", 0, 80));
  t.scan();
  CHECK(t.b.text("select string_agg(title, ', ' order by title) from books") == "Alone, Left, One, The Voyage, Two");
  CHECK(t.b.text(
            "select string_agg(round(k.duration_seconds * 1000)::text, ' ' order by track_index) from audio_tracks k "
            "join audio_editions e on e.id = k.edition_id join books b on b.id = e.book_id where b.title like 'The Voyage%'") ==
        "396 432 756 792");
  CHECK(t.b.number("select count(*) from audio_editions") == 5);
}

TEST_CASE("a damaged part of a recording that is read in place is named, and an e-book beside it is another format") {
  in_place t;
  t.b.with.how.workers = 2;
  lay_out(t.root / "The Voyage");
  write(t.root / "The Voyage/d.mp3", "ID3\4\0\0\0\0\0\0 nothing that sounds");
  write(t.root / "The Voyage/0.epub", epub({.title = "The Voyage", .author = "Ada Fenwick"}));
  CHECK(t.scan().refused == 1);
  CHECK(t.books() == 1);
  CHECK(tracks_of(t) == three);
  CHECK(t.b.text("select scan_state || ' ' || scan_error from audio_editions") == "incomplete audio_unreadable");
  CHECK(t.b.text("select string_agg(distinct format, ' ' order by format) from book_files") == "epub mp3");
}

TEST_CASE("a recording that comes to lie among those of another book takes nothing from its own") {
  in_place t;
  lay_out(t.root / "The Voyage");
  for (int i = 1; i <= 3; ++i)
    write(t.root / "The Harbour" / (std::to_string(i) + ".mp3"),
          track("The Harbour", "Part", i, static_cast<std::size_t>(40 + i)));
  t.scan();
  auto tracks = [&](const std::string& title) {
    return t.b.number(
        "select count(*) from audio_tracks k join audio_editions e on e.id = k.edition_id join books b on b.id = e.book_id "
        "where b.title = '" +
        title + "'");
  };
  fs::rename(t.root / "The Voyage/a.mp3", t.root / "The Harbour/9.mp3");
  t.scan();
  CHECK(t.books() == 2);
  CHECK(tracks("The Voyage") == 3);
  CHECK(tracks("The Harbour") == 3);
  write(t.root / "The Harbour/4.mp3", track("The Harbour", "Part", 4, 60));
  t.scan();
  CHECK(tracks("The Voyage") == 3);
  CHECK(tracks("The Harbour") == 4);
  write(t.root / "The Voyage/d.mp3", track("The Voyage", "The Fourth", 4, 70));
  t.scan();
  CHECK(t.books() == 2);
  CHECK(tracks("The Voyage") == 4);
}

TEST_CASE("the folder names the book of a single recording, and a text that comes later joins it") {
  in_place t;
  write(t.root / "Ada Fenwick/The Voyage/track.mp3", sound::mp3({}, 20));
  t.scan();
  CHECK(t.b.text("select title || ' / ' || author from books") == "The Voyage / Ada Fenwick");
  t.put("Ada Fenwick/The Voyage/text.epub", {.title = "The Voyage", .author = "Ada Fenwick"});
  write(t.root / "Ada Fenwick/The Voyage/cover.png", sound::make_png(300, 300));
  t.scan();
  CHECK(t.books() == 1);
  CHECK(t.b.number("select count(*) from audio_tracks") == 1);
  CHECK(t.b.text("select c.source from books b join covers c on c.id = b.cover_id") == "sidecar");
}
