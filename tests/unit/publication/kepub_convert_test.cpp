// Whole books as KEPUB (kepub.md 2 to 4, 8, 12).
#include <catch2/catch.hpp>
#include <filesystem>

#include "epub_maker.hpp"
#include "publication/container.hpp"
#include "publication/kepub/convert.hpp"
#include "tests/harness/folder.hpp"

using namespace carrel;
using namespace carrel::publication;
namespace fs = std::filesystem;

namespace {

struct book {
  kepub::made made;
  std::string bytes;
};

result<book, refusal> convert(const std::string& bytes, const kepub::options& options = {}, const std::string& name = "x.epub") {
  harness::scratch_folder f;
  test::scratch in(bytes);
  result<kepub::made, refusal> made = kepub::convert(in.descriptor(), name, f.path / "out.kepub.epub", options);
  if (!made) {
    CHECK(fs::is_empty(f.path));
    return made.error();
  }
  CHECK(std::distance(fs::directory_iterator(f.path), {}) == 1);
  return book{std::move(*made), harness::read_file(f.path / "out.kepub.epub")};
}

std::string refusal_of(const std::string& bytes, const kepub::options& options = {}, const std::string& name = "x.epub") {
  result<book, refusal> out = convert(bytes, options, name);
  return out ? "" : out.error().code;
}

struct entry {
  std::string name, bytes;
  bool stored = false;
};

std::vector<entry> entries_of(const std::string& bytes) {
  test::scratch file(bytes);
  limits limit;
  auto zip = archive::open(file.descriptor(), limit, limit.unpacked);
  REQUIRE(zip);
  std::vector<entry> out;
  for (const archive_entry& e : (*zip)->entries()) {
    auto text = (*zip)->read(e, limit.unpacked, "x");
    REQUIRE(text);
    out.push_back({e.name, *text, e.method == 0});
  }
  return out;
}

std::string entry_of(const std::string& bytes, const std::string& name) {
  for (const entry& e : entries_of(bytes)) {
    if (e.name == name) return e.bytes;
  }
  return "";
}

}  // namespace

TEST_CASE("a book is converted and everything else of it stays, in its order") {
  test::epub in;
  in.manifest = "<item id='css' href='a.css' media-type='text/css'/>";
  in.more = {{.name = "OEBPS/a.css", .data = "p { }", .deflate = true},
             {.name = "OEBPS/loose.xhtml", .data = "<html><body><p>Not. Listed.</p></body></html>"},
             {.name = "__MACOSX/x", .data = "1"},
             {.name = "OEBPS/.DS_Store", .data = "1"},
             {.name = "iTunesMetadata.plist", .data = "1"},
             {.name = "OEBPS/empty/", .data = ""}};
  std::string source = in.bytes();
  result<book, refusal> out = convert(source, {.title_page = false});
  REQUIRE(out);
  CHECK(out->made.spans == 2);
  CHECK_FALSE(out->made.copied);
  CHECK(out->made.warnings.empty());
  std::vector<kepub::mapped_document> spine = kepub::span_map::unpack(out->made.span_map).value().documents();
  REQUIRE(spine.size() == 1);
  CHECK(spine[0].characters == 9);
  std::vector<entry> before = entries_of(source), after = entries_of(out->bytes);
  std::vector<std::string> names;
  for (const entry& e : after) names.push_back(e.name);
  CHECK(names[0] == "mimetype");
  CHECK(after[0].stored);
  CHECK(std::count(names.begin(), names.end(), "OEBPS/loose.xhtml") == 1);
  for (const char* gone : {"__MACOSX/x", "OEBPS/.DS_Store", "iTunesMetadata.plist", "OEBPS/empty/"})
    CHECK(std::count(names.begin(), names.end(), gone) == 0);
  for (const entry& e : before) {
    std::string now = entry_of(out->bytes, e.name);
    if (e.bytes == in.chapter)
      CHECK(now.find("kobo.1.2") != now.npos);
    else if (!now.empty())
      CHECK(now == e.bytes);
  }

  opened was = test::open_good(in);
  result<opened, refusal> is = test::open_bytes(out->bytes, "x.kepub.epub");
  REQUIRE(is);
  CHECK(is->format == "kepub");
  CHECK(is->content_hash == was.content_hash);
}

TEST_CASE("the same book makes the same bytes, and a KEPUB is copied as it is") {
  std::string source = test::epub{}.bytes();
  result<book, refusal> first = convert(source), second = convert(source);
  REQUIRE(first);
  REQUIRE(second);
  CHECK(first->bytes == second->bytes);
  result<book, refusal> again = convert(first->bytes, {}, "x.kepub.epub");
  REQUIRE(again);
  CHECK(again->made.copied);
  CHECK(again->made.spans == first->made.spans);
  CHECK(again->bytes == first->bytes);
}

TEST_CASE("books that are not to be converted are refused by name") {
  CHECK(refusal_of(test::epub{}.bytes(), {.max_size = 100}) == "kepub_too_large");
  test::epub fixed;
  fixed.metadata += "<meta property='rendition:layout'>pre-paginated</meta>";
  CHECK(refusal_of(fixed.bytes()) == "kepub_fixed_layout");
  test::epub locked;
  locked.more = {{.name = "META-INF/encryption.xml",
                  .data = "<encryption xmlns='urn:oasis:names:tc:opendocument:xmlns:container'><EncryptedData "
                          "xmlns='http://www.w3.org/2001/04/xmlenc#'><EncryptionMethod "
                          "Algorithm='http://www.w3.org/2001/04/xmlenc#aes128-cbc'/><CipherData><CipherReference "
                          "URI='OEBPS/ch01.xhtml'/></CipherData></EncryptedData></encryption>"}};
  CHECK(refusal_of(locked.bytes()) == "kepub_protected");
  CHECK(refusal_of(test::make_zip({{.name = "1.png", .data = test::make_png(2, 2)}}), {}, "x.cbz") == "kepub_not_epub");
  CHECK_FALSE(refusal_of("PK\x03\x04 and nothing", {}, "x.epub").empty());
  CHECK_FALSE(refusal_of("text", {}, "x.txt").empty());
}

TEST_CASE(
    "of a book with some pre-paginated pages these stay untouched, as do a navigation beside the spine and what is broken") {
  test::epub in;
  std::string page = "<html xmlns='http://www.w3.org/1999/xhtml'><head/><body><p>Page. Page.</p></body></html>";
  in.manifest =
      "<item id='a' href='a.xhtml' media-type='application/xhtml+xml'/><item id='n' href='n.xhtml' properties='nav' "
      "media-type='application/xhtml+xml'/><item id='b' href='b.xhtml' media-type='application/xhtml+xml'/>";
  in.spine = "<itemref idref='c1'/><itemref idref='a' properties='rendition:layout-pre-paginated'/><itemref idref='b'/>";
  std::string deep = "<html xmlns='http://www.w3.org/1999/xhtml'><body>";
  for (int i = 0; i < 2000; ++i) deep += "<b>";
  in.more = {
      {.name = "OEBPS/a.xhtml", .data = page}, {.name = "OEBPS/n.xhtml", .data = page}, {.name = "OEBPS/b.xhtml", .data = deep}};
  result<book, refusal> out = convert(in.bytes());
  REQUIRE(out);
  CHECK(entry_of(out->bytes, "OEBPS/a.xhtml") == page);
  CHECK(entry_of(out->bytes, "OEBPS/n.xhtml") == page);
  CHECK(entry_of(out->bytes, "OEBPS/b.xhtml") == deep);
  REQUIRE(out->made.warnings.size() == 1);
  CHECK(out->made.warnings[0] == warning{"kepub_document_kept", "OEBPS/b.xhtml"});
}

TEST_CASE("the cover's item is marked for the device, once, and nothing else of the package changes") {
  test::epub in;
  in.metadata += "<meta name='cover' content='pic'/>";
  auto package_with = [&](const std::string& item) {
    in.manifest = item;
    in.more = {{.name = "OEBPS/p.png", .data = test::make_png(100, 150)}};
    result<book, refusal> out = convert(in.bytes(), {.title_page = false});
    REQUIRE(out);
    return entry_of(out->bytes, "OEBPS/content.opf");
  };
  std::string item = "<item id='pic' href='p.png' media-type='image/png'/>";
  std::string after = package_with(item), before = in.package();
  before.replace(before.find("<item id='pic'"), 5, "<item properties=\"cover-image\"");
  CHECK(after == before);
  item = "<item id='pic' href='p.png' properties='x' media-type='image/png'/>";
  CHECK(package_with(item).find("properties='x cover-image'") != std::string::npos);
  item = "<item id='pic' href='p.png' properties = '' media-type='image/png'/>";
  CHECK(package_with(item).find("properties = 'cover-image'") != std::string::npos);
  item = "<item id='pic' href='p.png' properties='cover-image' media-type='image/png'/>";
  after = package_with(item);
  CHECK(after == in.package());
}

TEST_CASE("a book that begins with its text gets an empty page in front") {
  test::epub in;
  std::string words;
  for (int i = 0; i < 30; ++i) words += "several ";
  in.chapter = "<html xmlns='http://www.w3.org/1999/xhtml'><head/><body><p>" + words + "</p></body></html>";
  in.metadata = "<dc:identifier id='i'>x</dc:identifier><dc:title>A &amp; B</dc:title><dc:language>en</dc:language>";
  result<book, refusal> out = convert(in.bytes());
  REQUIRE(out);
  std::string package = entry_of(out->bytes, "OEBPS/content.opf");
  std::string page = entry_of(out->bytes, "OEBPS/carrel-titlepage.xhtml");
  CHECK(page.find("<title>A &amp; B</title>") != page.npos);
  CHECK(package.find("<itemref idref=\"carrel-titlepage\"/>") < package.find("<itemref idref='c1'/>"));
  CHECK(package.find("<item id=\"carrel-titlepage\" href=\"carrel-titlepage.xhtml\" media-type=\"application/xhtml+xml\"/>") !=
        package.npos);
  result<opened, refusal> is = test::open_bytes(out->bytes, "x.kepub.epub");
  REQUIRE(is);
  CHECK(is->content_hash == test::open_good(in).content_hash);
  CHECK(test::codes(*is) == "metadata_missing_author");

  in.chapter = "<html xmlns='http://www.w3.org/1999/xhtml'><head/><body><img src='x'/><p>One two</p></body></html>";
  out = convert(in.bytes());
  REQUIRE(out);
  CHECK(entry_of(out->bytes, "OEBPS/carrel-titlepage.xhtml").empty());
}

TEST_CASE("wishes for the style of the page stand in the one style element") {
  result<book, refusal> out = convert(test::epub{}.bytes(), {.hyphenation = kepub::hyphens::on, .title_page = false});
  REQUIRE(out);
  std::string chapter;
  for (const entry& e : entries_of(out->bytes)) {
    if (e.bytes.find("kobostylehacks") != e.bytes.npos) chapter = e.bytes;
  }
  CHECK(chapter.find("hyphens: auto") != chapter.npos);
  CHECK(chapter.find("<style", chapter.find("<style") + 1) == chapter.npos);
}

TEST_CASE("of a KEPUB only the spans that it has are told") {
  test::epub in;
  in.manifest = "<item id='b' href='b.xhtml' media-type='application/xhtml+xml; charset=utf-8'/>";
  in.spine = "<itemref idref='c1'/><itemref idref='b'/>";
  in.more = {{.name = "OEBPS/b.xhtml",
              .data = "<html xmlns='http://www.w3.org/1999/xhtml'><head/><body><p><span class='koboSpan' "
                      "id='kobo.1.1'>A.</span></p></body></html>"}};
  result<book, refusal> out = convert(in.bytes());
  REQUIRE(out);
  CHECK(out->made.copied);
  CHECK(out->made.spans == 1);
  std::vector<kepub::mapped_document> spine = kepub::span_map::unpack(out->made.span_map).value().documents();
  REQUIRE(spine.size() == 2);
  CHECK(spine[0].spans.empty());
  CHECK(spine[0].characters == 9);
}

TEST_CASE("an entry that is packed in an unknown way is left out and named, an item of the cover's id is no cover") {
  test::epub in;
  in.metadata += "<meta name='cover' content='cover'/>";
  in.manifest =
      "<item id='cover' href='cover.xhtml' media-type='application/xhtml+xml'/><item id='cover' href='cover.png' "
      "media-type='image/png'/>";
  in.more = {{.name = "OEBPS/cover.xhtml",
              .data = "<html xmlns='http://www.w3.org/1999/xhtml'><head/><body><img src='cover.png'/></body></html>"},
             {.name = "OEBPS/cover.png", .data = test::make_png(100, 150)},
             {.name = "OEBPS/a.bin", .data = "x", .method = 97}};
  result<book, refusal> out = convert(in.bytes(), {.title_page = false});
  REQUIRE(out);
  CHECK(out->made.warnings == std::vector<warning>{{"archive_unsupported_method", "OEBPS/a.bin"}});
  std::string package = entry_of(out->bytes, "OEBPS/content.opf");
  CHECK(package.find("<item properties=\"cover-image\" id='cover' href='cover.png'") != package.npos);
}
