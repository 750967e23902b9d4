// Good files of every format that were damaged at random, taken in as any other (ingest.md 21, 23): each is a book or is refused
// by name, its source stays, and nothing is written elsewhere.

#include <sys/stat.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <map>
#include <random>

#include "../../unit/publication/audio_maker.hpp"
#include "../../unit/publication/epub_maker.hpp"
#include "../../unit/publication/mobi_maker.hpp"
#include "../../unit/publication/pdf_maker.hpp"
#include "../../unit/publication/zip_maker.hpp"
#include "publication/isolated/sandbox.hpp"
#include "server/core/digest.hpp"
#include "server/core/text.hpp"
#include "workbench.hpp"

using namespace carrel;
using namespace carrel::ingest;
using namespace carrel::ingest::test;
namespace made = carrel::publication::test;

namespace {

constexpr int rounds = 40;

std::map<std::string, std::string> good_files() {
  made::epub e;
  e.manifest = "<item id='x' href='p.png' media-type='image/png' properties='cover-image'/>";
  e.more = {{.name = "OEBPS/p.png", .data = made::make_png(40, 60)}};
  made::pdf p;
  p.info("/Title (A Small PDF) /Author (Ada Fenwick)");
  std::string text;
  for (int i = 0; i < 200; ++i) text += "A line about harbours, number " + std::to_string(i) + ".\n";
  return {
      {"epub", e.bytes()},
      {"cbz",
       made::make_zip({{.name = "1.png", .data = made::make_png(30, 40)},
                       {.name = "2.png", .data = made::make_png(31, 41)},
                       {.name = "ComicInfo.xml", .data = "<ComicInfo><Title>Tides</Title></ComicInfo>", .deflate = true}})},
      {"pdf", p.bytes()},
      {"mobi", made::mobi_book().bytes()},
      {"azw3", made::kf8_book().bytes()},
      {"fb2",
       "<?xml version='1.0' encoding='UTF-8'?><FictionBook><description><title-info><book-title>A Small FB2</book-title>"
       "<author><first-name>Ada</first-name><last-name>Fenwick</last-name></author></title-info></description><body><section>"
       "<p>Words of it.</p></section></body></FictionBook>"},
      {"txt", text},
      {"mp3", made::mp3(made::id3_text("TALB", "The Voyage") + made::id3_chapter("c", 0, "One"), 20)},
      {"m4b", made::m4b().bytes()},
      {"flac", made::flac({{"ALBUM", "The Voyage"}})},
      {"opus", made::opus({{"ALBUM", "The Voyage"}})},
  };
}

// Bytes exchanged, a piece doubled, a piece cut out, a run of one byte, the end cut off.
std::string damaged(std::string bytes, std::mt19937& dice) {
  auto below = [&](std::size_t n) { return std::uniform_int_distribution<std::size_t>(0, n - 1)(dice); };
  for (std::size_t i = 0, n = 1 + below(8); i < n && !bytes.empty(); ++i) {
    std::size_t at = below(bytes.size()), length = 1 + below(64);
    switch (below(6)) {
      case 0: bytes[at] = static_cast<char>(below(256)); break;
      case 1: bytes[at] = static_cast<char>(bytes[at] ^ static_cast<char>(1 << below(8))); break;
      case 2: bytes.erase(at, length); break;
      case 3: bytes.insert(at, bytes.substr(below(bytes.size()), length)); break;
      case 4: bytes.insert(at, std::string(length, static_cast<char>(below(256)))); break;
      default: bytes.resize(at); break;
    }
  }
  return bytes;
}

// Everything beside Carrel's own folders: what it is, when it was changed, what it holds.
std::string surroundings(const workbench& b) {
  std::vector<std::string> lines;
  for (fs::recursive_directory_iterator at(b.folder), end; at != end; ++at) {
    if (at->path() == b.data || at->path() == b.store.cache()) {
      at.disable_recursion_pending();
      continue;
    }
    struct stat s {};
    ::lstat(at->path().c_str(), &s);
    lines.push_back(at->path().native() + " " + std::to_string(s.st_mode) + " " + std::to_string(s.st_ino) + " " +
                    std::to_string(s.st_mtim.tv_sec) + "." + std::to_string(s.st_mtim.tv_nsec) + " " +
                    (at->is_regular_file() ? sha256_hex(read(at->path())) : ""));
  }
  std::sort(lines.begin(), lines.end());
  return join(lines, "\n");
}

bool is_named(const failed_file& f) {
  return !f.code.empty() && publication::message_for(f.code, "") != f.code && !f.message.empty();
}

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool memory_counts = false;
#else
constexpr bool memory_counts = true;
#endif

}  // namespace

TEST_CASE("good files of every format that were damaged are a book or are refused by name, and stay as they were") {
  workbench b;
  std::mt19937 dice(20261123);
  std::size_t count = 0;
  for (const auto& [extension, bytes] : good_files()) {
    write(b.inbox / "good" / extension / ("good." + extension), bytes);
    for (int i = 0; i < rounds; ++i, ++count)
      write(b.inbox / "bad" / extension / std::to_string(i) / ("x." + extension), damaged(bytes, dice));
  }
  outcome good = b.take({b.inbox / "good"});
  INFO(codes(good));
  REQUIRE(good.failed.empty());
  std::string before = surroundings(b);
  std::uint64_t resident = publication::isolated::resident_bytes();
  outcome out = b.take({b.inbox / "bad"});
  std::uint64_t grown = std::max(publication::isolated::resident_bytes(), resident) - resident;
  if (memory_counts) CHECK(grown < (64ULL << 20));
  CHECK(out.added.size() + out.duplicates.size() + out.failed.size() == count);
  CHECK_FALSE(out.failed.empty());
  CHECK_FALSE(out.added.empty());
  for (const failed_file& f : out.failed) {
    INFO(f.path << " " << f.code);
    CHECK(is_named(f));
    CHECK(f.code != "inspection_crash");  // named too, and a fault of ours
    CHECK(f.code != "inspection_limit");
  }
  CHECK(surroundings(b) == before);
  CHECK(b.files("staging").empty());
  CHECK(b.files("quarantine").empty());

  // Each book's bytes are those of its source, once, and nothing comes in again.
  CHECK(b.number("select count(*) - count(distinct checksum) from book_files") == 0);
  for (const added_file& f : out.added) {
    INFO(f.path);
    CHECK(b.text("select checksum from book_files where id = '" + f.file.text() + "'") == sha256_hex(read(f.path)));
  }
  std::int64_t books = b.number("select count(*) from books");
  outcome again = b.take({b.inbox / "bad"});
  CHECK(again.added.empty());
  CHECK(again.duplicates.size() + again.failed.size() == count);
  CHECK(b.number("select count(*) from books") == books);
}

TEST_CASE("damaged files that are moved in are in the library or in quarantine, each once") {
  workbench b;
  std::mt19937 dice(7);
  std::map<std::string, int> sums;
  for (const auto& [extension, bytes] : good_files()) {
    for (int i = 0; i < 6; ++i) {
      std::string bad = damaged(bytes, dice);
      if (bad.empty() || !sums.emplace(sha256_hex(bad), 0).second) continue;
      write(b.inbox / extension / std::to_string(i) / ("x." + extension), bad);
    }
  }
  outcome out = b.take({b.inbox}, false);
  CHECK(out.added.size() + out.failed.size() == sums.size());
  for (const char* place : {"library", "quarantine"}) {
    for (const fs::path& p : b.files(place)) {
      if (auto at = sums.find(sha256_hex(read(p))); at != sums.end()) ++at->second;
    }
  }
  for (const auto& [sum, places] : sums) CHECK(places == 1);
  std::size_t left = 0;
  for (const fs::directory_entry& e : fs::recursive_directory_iterator(b.inbox)) left += e.is_regular_file() ? 1 : 0;
  CHECK(left == 0);
}
