#include "publication/outline.hpp"

#include <fcntl.h>
#include <algorithm>
#include <catch2/catch.hpp>
#include <cstdlib>
#include <filesystem>
#include <tuple>

#include "comic_maker.hpp"
#include "epub_maker.hpp"
#include "good_books.hpp"
#include "publication/piece.hpp"
#include "server/core/file.hpp"
#include "tests/harness/folder.hpp"

using namespace carrel;
using namespace carrel::publication;
using namespace carrel::publication::test;

namespace {

result<outline, refusal> outline_of(const std::string& bytes, const std::string& name, const limits& limit = {}) {
  scratch file(bytes);
  return read_outline(file.descriptor(), name, limit);
}

result<piece, refusal> piece_of(const std::string& bytes, const std::string& name, const piece_wish& wish) {
  scratch file(bytes);
  return read_piece(file.descriptor(), name, wish);
}

bool same(const outline& a, const outline& b) { return to_json(a) == to_json(b); }

}  // namespace

TEST_CASE("an outline lists the reading order, the rest of the package and where things are stored") {
  epub e;
  e.manifest =
      "<item id='c2' href='b%20c.xhtml' media-type='application/xhtml+xml'/><item id='pic' href='p.jpg' media-type='image/jpeg' "
      "properties='cover-image'/><item id='gone' href='gone.css' media-type='text/css'/>";
  e.spine = "<itemref idref='c2'/><itemref idref='c1'/><itemref idref='c2'/>";
  e.more = {{.name = "OEBPS/b c.xhtml", .data = "<html/>"}, {.name = "OEBPS/p.jpg", .data = "x"}};
  result<outline, refusal> o = outline_of(e.bytes(), "a.epub");
  REQUIRE(o);
  REQUIRE(o->order.size() == 2);
  CHECK(o->order[0].path == "OEBPS/b c.xhtml");
  CHECK(o->order[0].packed == 7);
  CHECK(o->order[1].path == "OEBPS/ch01.xhtml");
  REQUIRE(o->resources.size() == 1);
  CHECK(o->cover == "OEBPS/p.jpg");
  CHECK(o->pages == 0);
}

TEST_CASE("pages are counted and ordered by their numbers in every container, damaged ones included") {
  std::vector<part> parts{
      {.name = "b/10.png", .data = page_picture(10)},
      {.name = "b/9.png", .data = "no picture"},
      {.name = "b/", .data = ""},
      {.name = ".x.png", .data = page_picture(3)},
      {.name = "ComicInfo.xml", .data = "<ComicInfo><Pages><Page Image='0' Type='Deleted'/></Pages></ComicInfo>"}};
  for (const container& c : containers()) {
    INFO(c.name);
    result<outline, refusal> o = outline_of(c.make(parts), c.name);
    REQUIRE(o);
    CHECK(o->pages == 2);
    CHECK(o->order[0].path == "b/9.png");
    CHECK(o->order[0].type.empty());
    CHECK(o->order[1].width == 26);
    CHECK(o->order[1].type == "image/png");
    piece_wish wish{.what = o->order[1]};
    CHECK(piece_of(c.make(parts), c.name, wish)->bytes == page_picture(10));
    wish.what.path = "another.png";
    CHECK_FALSE(piece_of(c.make(parts), c.name, wish));
    wish.what.place = 5000;
    CHECK_FALSE(piece_of(c.make(parts), c.name, wish));
  }
}

TEST_CASE("an outline comes back as it was stored, and nothing else does") {
  epub e;
  e.metadata += "<meta property='rendition:layout'>pre-paginated</meta>";
  result<outline, refusal> o = outline_of(e.bytes(), "a.epub");
  REQUIRE(o);
  o->toc = {{"One \"1\"", "OEBPS/ch01.xhtml#a", 0}, {"Two", "", 1}};
  std::string stored = to_json(*o);
  result<outline, refusal> back = outline_from_json(stored);
  REQUIRE(back);
  CHECK(same(*o, *back));
  for (std::size_t i = 0; i < stored.size(); ++i) {
    std::string cut = stored.substr(0, i), changed = stored;
    CHECK_FALSE(outline_from_json(cut));
    changed[i] = changed[i] == 'x' ? 'y' : 'x';
    std::ignore = outline_from_json(changed);  // whatever it is, it is no crash
  }
  auto with = [&](const std::string& from, const std::string& to) {
    std::string out = stored;
    out.replace(out.find(from), from.size(), to);
    return outline_from_json(out).ok();
  };
  CHECK_FALSE(with("\"format\":\"epub\"", "\"format\":\"exe\""));
  CHECK_FALSE(with("application/xhtml+xml", "text/x-shellscript"));
  CHECK_FALSE(with("\"pages\":0", "\"pages\":-1"));
  CHECK_FALSE(with("\"pages\":0", "\"pages\":99999999"));
  CHECK_FALSE(with("OEBPS/ch01.xhtml", "OEBPS/ch01\\u0000.xhtml"));
}

TEST_CASE("types are those of our own list") {
  CHECK(served_type("application/xhtml+xml", "a") == "application/xhtml+xml");
  CHECK(served_type("TEXT/CSS; charset=x", "a") == "text/css");
  CHECK(served_type("application/vnd.ms-opentype", "a.otf") == "font/otf");
  CHECK(served_type("", "a/b.WEBP") == "image/webp");
  CHECK(served_type("application/x-unknown", "a.png") == "image/png");
  CHECK(served_type("text/x-evil\r\nX: y", "evil") == "application/octet-stream");
  CHECK(served_type("application/pdf", "x.exe") == "application/octet-stream");
}

TEST_CASE("every good book of its kind has an outline, and each part of it can be read") {
  harness::scratch_folder made;
  int outlines = 0, pieces = 0;
  for (const std::filesystem::path& path : good_books(made.path)) {
    INFO(path);
    file source(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    result<outline, refusal> o = read_outline(source.get(), path.filename());
    if (!o) {
      CHECK((o.error().code == "unsupported_type" || o.error().code == "drm_protected"));
      continue;
    }
    ++outlines;
    result<outline, refusal> back = outline_from_json(to_json(*o));
    REQUIRE(back);
    CHECK(same(*o, *back));
    if (o->order.empty() || o->format == "pdf") continue;
    result<piece, refusal> first = read_piece(source.get(), path.filename(), {.what = o->order.front()});
    CHECK(first);
    ++pieces;
  }
  CHECK(outlines > 10);
  CHECK(pieces > 10);
}

TEST_CASE("limits hold for single pages") {
  std::vector<part> big{{.name = "1.png", .data = std::string(3000, 'x')}};
  limits small;
  small.image = 1000;
  result<outline, refusal> o = outline_of(make_zip(big), "a.cbz", small);
  REQUIRE_FALSE(o);
  CHECK(o.error().code == "archive_entry_too_large");
}

TEST_CASE("no hostile file of the corpus brings the reader of outlines or parts down") {
  std::filesystem::path maker = harness::shared_folder() / "corpus" / "make_corpus.py";
  if (!std::filesystem::exists(maker)) {
    WARN("the corpus generator is not here");
    return;
  }
  harness::scratch_folder out;
  std::string command = "python3 '" + maker.string() + "' --out '" + out.path.string() +
                        "' --epub 1 --cbz 6 --fb2 0 --pdf 2 --txt 0 --audio 0 --bad --bomb-mib 16 >/dev/null 2>&1";
  REQUIRE(std::system(command.c_str()) == 0);
  limits tight;
  tight.unpacked = tight.comic_unpacked = 64 << 20;
  int files = 0, outlines = 0;
  for (const std::filesystem::directory_entry& e : std::filesystem::recursive_directory_iterator(out.path)) {
    if (!e.is_regular_file() || e.path().extension() == ".json") continue;
    INFO(e.path());
    file source(::open(e.path().c_str(), O_RDONLY | O_CLOEXEC));
    result<outline, refusal> o = read_outline(source.get(), "x" + e.path().extension().string(), tight);
    ++files;
    if (!o) {
      CHECK_FALSE(o.error().code.empty());
      continue;
    }
    ++outlines;
    CHECK(outline_from_json(to_json(*o)));
    for (std::size_t i = 0; i < std::min<std::size_t>(o->order.size(), 3) && o->format != "pdf"; ++i)
      std::ignore = read_piece(source.get(), "x" + e.path().extension().string(),
                               {.what = o->order[i], .width = 300, .for_readers = true}, tight);
  }
  CHECK(files > 50);
  CHECK(outlines > 5);
}
