// Folders of recordings (audiobooks.md A2, ingest.md 3.4, 14.5, 14.6).

#include <sys/stat.h>

#include <catch2/catch.hpp>
#include <csignal>

#include "../../unit/publication/audio_maker.hpp"
#include "../../unit/publication/zip_maker.hpp"
#include "household.hpp"
#include "killed.hpp"
#include "library/audio_edition.hpp"

using namespace carrel;
using namespace carrel::ingest;
using namespace carrel::ingest::test;
namespace sound = carrel::publication::test;

namespace {

// 36 ms a frame.
std::string track(const std::string& album, const std::string& title, int number, std::size_t frames = 100,
                  const std::string& more = {}) {
  std::string tags = sound::id3_text("TIT2", title) + more;
  if (!album.empty()) tags += sound::id3_text("TALB", album) + sound::id3_text("TPE1", "Ada Fenwick");
  if (number > 0) tags += sound::id3_text("TRCK", std::to_string(number));
  return sound::mp3(tags, frames);
}

// Three parts whose names are in another order than their numbers.
void lay_out(const fs::path& folder, const std::string& album = "The Voyage") {
  write(folder / "a.mp3", track(album, "The Third", 3, 30));
  write(folder / "b.mp3", track(album, "The First", 1, 10));
  write(folder / "c.mp3", track(album, "The Second", 2, 20));
}

std::string tracks_of(workbench& b, const std::string& title = "The Voyage") {
  return b.text(
      "select coalesce(string_agg(t.track_index || ' ' || f.original_name || ' ' || t.title || ' ' || round(t.start_offset * "
      "1000) || '+' || "
      "round(t.duration_seconds * 1000), '; ' order by t.track_index), '') from audio_tracks t join audio_editions e on e.id = "
      "t.edition_id join books b on b.id = e.book_id join book_files f on f.id = t.book_file_id where b.title = '" +
      title + "'");
}

std::string chapters_of(workbench& b) {
  return b.text(
      "select coalesce(string_agg(title || ' ' || round(start_seconds * 1000) || '-' || round(end_seconds * 1000), '; ' order by "
      "idx), '') "
      "from audio_chapters");
}

}  // namespace

TEST_CASE("a folder of recordings is one book in the order of its tracks") {
  workbench b;
  lay_out(b.inbox / "Ada Fenwick" / "The Voyage");
  write(b.inbox / "Ada Fenwick" / "The Voyage" / "folder.png", sound::make_png(300, 300));
  outcome out = b.take({b.inbox});
  INFO(codes(out));
  REQUIRE(out.added.size() == 3);
  CHECK(out.ignored == 0);
  CHECK(b.number("select count(*) from books") == 1);
  CHECK(b.text("select title || ' / ' || author from books") == "The Voyage / Ada Fenwick");
  CHECK(tracks_of(b) == "1 b.mp3 The First 0+360; 2 c.mp3 The Second 360+720; 3 a.mp3 The Third 1080+1080");
  CHECK(chapters_of(b) == "The First 0-360; The Second 360-1080; The Third 1080-2160");
  CHECK(b.text("select duration_seconds || ' ' || scan_state from audio_editions") == "2.16 ok");
  CHECK(b.number("select total_bytes - (select sum(file_size) from book_files) from audio_editions") == 0);
  CHECK(b.text("select string_agg(download_name, ', ' order by position) from book_files") ==
        "01 - b.mp3, 02 - c.mp3, 03 - a.mp3");
  CHECK(b.number("select c.width from books b join covers c on c.id = b.cover_id") == 300);
  CHECK(b.pool.read_now([&](db::tx& tx) { return library::length_of_edition(tx, out.added[0].book); }) == 2160);
}

TEST_CASE("the same folder again changes nothing, and a part that comes later takes its place") {
  workbench b;
  fs::path folder = b.inbox / "The Voyage";
  write(folder / "b.mp3", track("The Voyage", "The First", 1, 10));
  write(folder / "a.mp3", track("The Voyage", "The Third", 3, 30));
  b.take({b.inbox});
  auto state = [&] {
    std::string out = b.rows_of_everything();
    for (const char* table : {"audio_editions", "audio_tracks", "audio_chapters", "ingest_groups", "sidecars"})
      out += b.text("select coalesce(string_agg(t::text, chr(10) order by t::text), '') from " + std::string(table) + " t");
    return out;
  };
  std::string before = state();
  CHECK(b.take({b.inbox}).duplicates.size() == 2);
  CHECK(state() == before);
  std::string third =
      b.text("select t.id::text from audio_tracks t join book_files f on f.id = t.book_file_id where f.original_name = 'a.mp3'");
  write(folder / "c.mp3", track("The Voyage", "The Second", 2, 20));
  outcome out = b.take({b.inbox});
  REQUIRE(out.added.size() == 1);
  CHECK(b.number("select count(*) from books") == 1);
  CHECK(tracks_of(b) == "1 b.mp3 The First 0+360; 2 c.mp3 The Second 360+720; 3 a.mp3 The Third 1080+1080");
  CHECK(b.text("select id::text from audio_tracks where track_index = 3") == third);
}

TEST_CASE("a part that was written to is the same part") {
  workbench b;
  lay_out(b.inbox / "The Voyage");
  b.take({b.inbox});
  write(b.inbox / "The Voyage" / "c.mp3", track("The Voyage", "The Second, Mended", 2, 40));
  CHECK(b.take({b.inbox}).added.size() == 1);
  CHECK(b.number("select count(*) from book_files") == 3);
  CHECK(tracks_of(b) == "1 b.mp3 The First 0+360; 2 c.mp3 The Second, Mended 360+1440; 3 a.mp3 The Third 1800+1080");
}

TEST_CASE("without tags the folders name the book, and the files their order") {
  workbench b;
  fs::path folder = b.inbox / "Ada Fenwick" / "Harbours" / "Book 2 - The Voyage {Nora Voice}";
  for (int i = 1; i <= 11; ++i)
    write(folder / ("Part " + std::to_string(i) + ".mp3"), sound::mp3({}, static_cast<std::size_t>(i) + 5));
  outcome out = b.take({b.inbox});
  INFO(codes(out));
  CHECK(out.added.size() == 11);
  CHECK(b.text("select b.title || ' / ' || b.author || ' / ' || s.name || ' ' || b.series_index_text from books b join series s "
               "on s.id = "
               "b.series_id") == "The Voyage / Ada Fenwick / Harbours 2");
  CHECK(b.text("select p.name from book_people bp join people p on p.id = bp.person_id where bp.role = 'nrt'") == "Nora Voice");
  CHECK(b.text("select string_agg(f.original_name, ' ' order by f.position) from book_files f") ==
        "Part 1.mp3 Part 2.mp3 Part 3.mp3 Part 4.mp3 Part 5.mp3 Part 6.mp3 Part 7.mp3 Part 8.mp3 Part 9.mp3 Part 10.mp3 Part "
        "11.mp3");
  CHECK(b.text("select title from audio_chapters where idx = 9") == "Part 10");
  CHECK(b.text("select field_sources->>'title' from books") == "path");
}

TEST_CASE("folders of discs are of the folder above") {
  workbench b;
  fs::path folder = b.inbox / "The Voyage";
  for (int disc = 1; disc <= 2; ++disc)
    for (int i = 1; i <= 2; ++i)
      write(folder / ("CD " + std::to_string(disc)) / (std::to_string(i) + ".mp3"),
            track("The Voyage (CD " + std::to_string(disc) + ")", "Part " + std::to_string(i), i,
                  static_cast<std::size_t>(10 * disc + i)));
  outcome out = b.take({b.inbox}, false);
  INFO(codes(out));
  CHECK(out.added.size() == 4);
  CHECK(b.number("select count(*) from books") == 1);
  CHECK(b.text("select string_agg(round(duration_seconds * 1000)::text, ' ' order by track_index) from audio_tracks") ==
        "396 432 756 792");
  CHECK(b.text("select title from books") == "The Voyage");
  CHECK(b.files("attic").size() == 4);
}

TEST_CASE("recordings of several works are several books") {
  workbench b;
  write(b.inbox / "Ada Fenwick" / "one.mp3", track("One", "x", 0));
  write(b.inbox / "Ada Fenwick" / "two.mp3", track("Two", "x", 0, 50));
  write(b.inbox / "Ada Fenwick" / "cover.jpg", "x");
  outcome out = b.take({b.inbox}, false);
  CHECK(out.added.size() == 2);
  CHECK(b.text("select string_agg(title, ' ' order by title) from books") == "One Two");
  CHECK(b.number("select count(*) from audio_editions") == 2);
  CHECK(fs::exists(b.inbox / "Ada Fenwick" / "cover.jpg"));  // nobody's
}

TEST_CASE("files with chapters of their own bring those") {
  workbench b;
  std::string marks = sound::id3_chapter("c0", 0, "One") + sound::id3_chapter("c1", 2000, "Two");
  write(b.inbox / "V" / "1.mp3", track("The Voyage", "x", 1, 100, marks));
  write(b.inbox / "V" / "2.mp3", track("The Voyage", "y", 2, 50));
  b.take({b.inbox});
  CHECK(chapters_of(b) == "One 0-2000; Two 2000-3600; y 3600-5400");
}

TEST_CASE("a damaged part is named, and the rest of the book comes in") {
  workbench b;
  lay_out(b.inbox / "The Voyage");
  write(b.inbox / "The Voyage" / "d.mp3", "ID3\4\0\0\0\0\0\0 nothing that sounds");
  outcome out = b.take({b.inbox}, false);
  CHECK(out.added.size() == 3);
  CHECK(codes(out) == "d.mp3=audio_unreadable ");
  CHECK(tracks_of(b) == "1 b.mp3 The First 0+360; 2 c.mp3 The Second 360+720; 3 a.mp3 The Third 1080+1080");
  CHECK(b.text("select scan_state || ' ' || scan_error from audio_editions") == "incomplete audio_unreadable");
  CHECK(b.files("quarantine").size() == 1);
}

TEST_CASE("a part that may not be read comes to the book when it may") {
  workbench b;
  lay_out(b.inbox / "The Voyage");
  ::chmod((b.inbox / "The Voyage" / "c.mp3").c_str(), 0);
  outcome out = b.take({b.inbox});
  CHECK(codes(out) == "c.mp3=source_unreadable ");
  ::chmod((b.inbox / "The Voyage" / "c.mp3").c_str(), 0644);
  b.take({b.inbox});
  CHECK(b.number("select count(*) from books") == 1);
  CHECK(tracks_of(b) == "1 b.mp3 The First 0+360; 2 c.mp3 The Second 360+720; 3 a.mp3 The Third 1080+1080");
  CHECK(b.text("select scan_state from audio_editions") == "ok");
}

TEST_CASE("an e-book beside its recording is of the same book") {
  workbench b;
  lay_out(b.inbox / "The Voyage");
  write(b.inbox / "The Voyage" / "x.epub", epub({.title = "The Voyage", .author = "Ada Fenwick"}));
  write(b.inbox / "The Voyage" / "desc.txt", "What it is about.");
  outcome out = b.take({b.inbox}, false);
  CHECK(out.added.size() == 4);
  CHECK(b.number("select count(*) from books") == 1);
  CHECK(b.number("select count(*) from audio_tracks") == 3);
  CHECK(b.text("select storage_path <> '' from sidecars where kind = 'other'") == "t");
  CHECK(fs::is_empty(b.inbox / "The Voyage"));
}

TEST_CASE("too many recordings are refused as what they are") {
  workbench b;
  fs::create_directories(b.inbox / "V");
  std::string bytes = track("V", "x", 0);
  write(b.inbox / "V" / "0.mp3", bytes);
  for (int i = 1; i <= 5000; ++i) fs::create_hard_link(b.inbox / "V" / "0.mp3", b.inbox / "V" / (std::to_string(i) + ".mp3"));
  outcome out = b.take({b.inbox}, false);
  CHECK(out.added.empty());
  REQUIRE(out.failed.size() == 1);
  CHECK(out.failed[0].path == (b.inbox / "V").native());
  CHECK(out.failed[0].message.find("5000") != std::string::npos);
  CHECK(b.number("select count(*) from ingest_items") == 0);
  CHECK(fs::exists(b.inbox / "V" / "77.mp3"));
}

TEST_CASE("killed at any moment, a folder of recordings is one book afterwards, in its order") {
  for (const char* policy : {"move", "keep"}) {
    for (auto [s, times] : std::vector<std::pair<step, int>>{{step::probed, 2},
                                                             {step::hashed, 1},
                                                             {step::in_staging, 2},
                                                             {step::placed, 3},
                                                             {step::stored, 1},
                                                             {step::stored, 2},
                                                             {step::stored, 3},
                                                             {step::told, 1}}) {
      workbench b;
      INFO(policy << " step " << static_cast<int>(s) << ", time " << times);
      lay_out(b.inbox / "The Voyage");
      write(b.inbox / "The Voyage" / "cover.png", sound::make_png(300, 300));
      CHECK(run_and_kill(b, policy, s, b.inbox, times) == SIGKILL);
      b.recover();
      CHECK(b.number("select count(*) from books") == 1);
      CHECK(b.number("select count(*) from book_files") == 3);
      CHECK(tracks_of(b) == "1 b.mp3 The First 0+360; 2 c.mp3 The Second 360+720; 3 a.mp3 The Third 1080+1080");
      CHECK(b.text("select string_agg(download_name, ', ' order by position) from book_files") ==
            "01 - b.mp3, 02 - c.mp3, 03 - a.mp3");
      CHECK(b.files("staging").empty());
      bool moved = std::string(policy) == "move";
      CHECK(b.files("attic").size() == (moved ? 4U : 0U));
      CHECK(fs::exists(b.inbox / "The Voyage" / "cover.png") == !moved);
    }
  }
}

TEST_CASE("in the drop folder a book of recordings comes in whole, from folders of discs too") {
  household h;
  lay_out(h.drop() / "Ada Fenwick" / "The Voyage" / "CD1");
  write(h.drop() / "Ada Fenwick" / "The Voyage" / "CD2" / "1.mp3", track("The Voyage", "The Fourth", 4, 40));
  write(h.drop() / "Ada Fenwick" / "The Voyage" / "cover.png", sound::make_png(300, 300));
  REQUIRE(eventually([&] { return h.b.number("select count(*) from ingest_groups where ended") == 1; }));
  CHECK(h.books() == 1);
  CHECK(tracks_of(h.b) ==
        "1 b.mp3 The First 0+360; 2 c.mp3 The Second 360+720; 3 a.mp3 The Third 1080+1080; 4 1.mp3 The Fourth 2160+1440");
  CHECK(h.b.number("select count(*) from covers where width = 300") == 1);
  CHECK(eventually([&] { return fs::is_empty(h.drop()); }));
}

TEST_CASE("what lies loose in the drop folder is a book each, unless the album says more") {
  household h;
  write(h.drop() / "x.mp3", track("The Voyage", "One", 1, 10));
  write(h.drop() / "y.mp3", track("The Voyage", "Two", 2, 20));
  write(h.drop() / "z.mp3", track("", "Zebras", 0, 30));
  REQUIRE(eventually([&] { return h.b.number("select count(*) from ingest_items where source_done") == 3; }));
  CHECK(eventually([&] { return h.b.number("select count(*) from ingest_groups where not ended") == 0; }));
  CHECK(h.b.text("select string_agg(title, ', ' order by title) from books") == "The Voyage, Zebras");
}

TEST_CASE("in the drop folder a part that may not be read is named, and its book waits for it") {
  household h;
  fs::path folder = h.b.folder / "The Voyage";
  lay_out(folder);
  REQUIRE(::chmod((folder / "c.mp3").c_str(), 0) == 0);
  fs::rename(folder, h.drop() / "The Voyage");
  REQUIRE(eventually([&] { return h.errata() == "c.mp3 source_unreadable"; }));
  write(h.drop() / "y.epub", epub({}));
  REQUIRE(eventually([&] { return h.books() == 1; }));  // others do not wait
  CHECK(tracks_of(h.b).empty());
  REQUIRE(::chmod((h.drop() / "The Voyage" / "c.mp3").c_str(), 0644) == 0);
  REQUIRE(eventually([&] { return h.books() == 2; }));
  CHECK(eventually([&] { return h.b.number("select count(*) from audio_tracks") == 3; }));
  CHECK(h.errata().empty());
}

TEST_CASE("chapters that a file beside the recordings tells take the place of their own") {
  workbench b;
  fs::path folder = b.inbox / "The Voyage";
  lay_out(folder);
  std::string told = R"({"title":"The Voyage","authors":["Ada Fenwick"],"chapters":[)"
                     R"({"id":1,"start":0.5,"end":2.16,"title":"Home"},{"id":0,"start":0,"end":0.5,"title":"Away"}]})";
  write(folder / "metadata.json", told);
  b.take({b.inbox});
  CHECK(chapters_of(b) == "Away 0-500; Home 500-2160");
  CHECK(b.text("select distinct source from audio_chapters") == "sidecar");
}

TEST_CASE("chapters of a longer recording are not this one's") {
  workbench b;
  fs::path folder = b.inbox / "The Voyage";
  lay_out(folder);
  write(folder / "metadata.json", R"({"title":"The Voyage","chapters":[{"start":0,"end":9000,"title":"Away"}]})");
  b.take({b.inbox});
  CHECK(chapters_of(b) == "The First 0-360; The Second 360-1080; The Third 1080-2160");
}
