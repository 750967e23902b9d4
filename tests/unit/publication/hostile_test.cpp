#include <unistd.h>
#include <catch2/catch.hpp>

#include <chrono>

#include "epub_maker.hpp"
#include "server/core/text.hpp"

using namespace carrel;
using namespace carrel::publication;
using test::epub;
using test::part;

namespace {

std::string repeated(const std::string& s, int n) {
  std::string out;
  for (int i = 0; i < n; ++i) out += s;
  return out;
}

const std::string author = "<dc:creator>Ada Lark</dc:creator>";

opened with_package_bytes(const std::string& bytes) {
  std::vector<part> parts = epub{}.parts();
  parts[2].data = bytes;
  auto o = test::open_bytes(test::make_zip(parts));
  if (!o) FAIL("refused: " << o.error().code);
  return *o;
}

std::string code_of_package(const std::string& bytes) {
  std::vector<part> parts = epub{}.parts();
  parts[2].data = bytes;
  return test::refused_code(test::make_zip(parts));
}

std::string replaced(std::string s, const std::string& from, const std::string& to) {
  return s.replace(s.find(from), from.size(), to);
}

}  // namespace

TEST_CASE("entity declarations in package files are refused") {
  epub e;
  e.prolog = "<!DOCTYPE package [<!ENTITY x SYSTEM 'file:///etc/passwd'>]>";
  e.metadata = "<dc:title>&x;</dc:title>";
  CHECK(test::refused_code(e.bytes()) == "xml_entities_not_allowed");
  e.prolog = "<!DOCTYPE package [<!ENTITY a0 'lol'>" + repeated("<!ENTITY a1 '&a0;&a0;'>", 10) + "]>";
  CHECK(test::refused_code(e.bytes()) == "xml_entities_not_allowed");
  e.prolog = "<!-- c --><!doctype package [ <!-- <!ELEMENT> --> <!entity % p SYSTEM 'http://127.0.0.1:9/'> %p; ]>";
  CHECK(test::refused_code(e.bytes()) == "xml_entities_not_allowed");
  e.prolog =
      "<!DOCTYPE package PUBLIC '+//ISBN 0-9673008-1-9//DTD OEB 1.2 Package//EN' "
      "'http://openebook.org/dtds/oeb-1.2/oebpkg12.dtd'>";
  CHECK(test::refused_code(e.bytes()).empty());
  e.prolog = "<!-- <!DOCTYPE p [<!ENTITY x 'y'>]> -->";
  CHECK(test::refused_code(e.bytes()).empty());

  std::vector<part> parts = epub{}.parts();
  parts[1].data = "<!DOCTYPE c [<!ENTITY x SYSTEM 'http://127.0.0.1:9/'>]>" + parts[1].data;
  CHECK(test::refused_code(test::make_zip(parts)) == "xml_entities_not_allowed");
}

TEST_CASE("package documents that are too deep, too large or too wide are refused") {
  epub e;
  e.metadata = "<dc:title>T</dc:title>" + repeated("<m>", 100'000) + repeated("</m>", 100'000);
  CHECK(test::refused_code(e.bytes()) == "xml_too_deep");
  e.metadata = "<dc:title>T</dc:title><!--" + std::string(17 << 20, 'x') + "-->";
  std::vector<part> parts = e.parts();
  parts[2].deflate = false;
  CHECK(test::refused_code(test::make_zip(parts)) == "xml_too_large");
  e.metadata = "<dc:title>T</dc:title><m";
  for (int i = 0; i < 20'000; ++i) e.metadata += " a" + std::to_string(i) + "='x'";
  e.metadata += "/>";
  CHECK(test::refused_code(e.bytes()) == "xml_too_large");
  e.metadata = "<dc:title>T</dc:title>";
  for (int i = 0; i < 20'100; ++i) e.manifest += "<item id='i" + std::to_string(i) + "' href='x'/>";
  CHECK(test::refused_code(e.bytes()) == "epub_bad_package");
}

TEST_CASE("one huge attribute or text does no harm") {
  epub e;
  e.metadata = "<dc:title>T</dc:title>" + author + "<dc:date opf:event='" + std::string(2 << 20, 'x') +
               "'>2019</dc:date><dc:publisher>" + repeated("y ", 1 << 20) + "</dc:publisher><dc:creator opf:role='" +
               std::string(1 << 20, 'z') + "'>B C</dc:creator>";
  opened o = test::open_good(e);
  CHECK(o.about.publisher.size() <= 300);
  CHECK(test::warned(o, "metadata_truncated"));
}

TEST_CASE("damaged XML is recovered when enough is there") {
  epub e;
  e.metadata = "<dc:title>Salt & Pepper</dc:title>" + author;
  opened o = test::open_good(e);
  CHECK(o.about.title == "Salt & Pepper");
  CHECK(test::codes(o) == "xml_recovered");
  e.metadata = "<dc:title>Caf&eacute;&nbsp;Noir</dc:title>" + author;
  o = test::open_good(e);
  CHECK(o.about.title == "Café Noir");
  CHECK(test::codes(o) == "xml_recovered");
  std::string cut = epub{}.package();
  o = with_package_bytes(cut.substr(0, cut.find("</package>")));
  CHECK(o.about.title == "Plain");
  CHECK(test::codes(o) == "xml_recovered");
}

TEST_CASE("encodings of package documents") {
  epub e;
  e.metadata =
      "<dc:title>Gr\xf6\xdf"
      "e</dc:title>" +
      author;
  CHECK(with_package_bytes(replaced(e.package(), "utf-8", "iso-8859-1")).about.title == "Größe");
  CHECK(with_package_bytes(replaced(e.package(), "utf-8", "utf-16")).about.title == "Gr\ufffde");  // it is not UTF-16
  opened o = with_package_bytes(e.package());
  CHECK(o.about.title == "Gr\ufffde");
  CHECK(test::codes(o) == "text_invalid_utf8");

  e.metadata = "<dc:title>\xcc\xe0\xff\xea</dc:title>" + author;
  CHECK(with_package_bytes(replaced(e.package(), "utf-8", "windows-1251")).about.title == "Маяк");

  // Said to be UTF-8 and not: what it looks like.
  e.metadata = "<dc:title>\xc2\xe5\xf1\xe5\xed\xed\xe8\xe9 \xe2\xe5\xf7\xe5\xf0 \xf3 \xec\xee\xf0\xff</dc:title>" + author;
  CHECK(with_package_bytes(e.package()).about.title == "Весенний вечер у моря");

  e.metadata = "<dc:title>Wide</dc:title>" + author;
  std::string wide;
  for (char c : replaced(e.package(), "utf-8", "utf-16")) wide += std::string(1, c) + std::string(1, '\0');
  CHECK(with_package_bytes("\xff\xfe" + wide).warnings.empty());
  CHECK(with_package_bytes(wide).about.title == "Wide");
  CHECK(with_package_bytes("\xef\xbb\xbf" + e.package()).warnings.empty());

  e.metadata = "<dc:title>A" + std::string("\0\x1b", 2) + "B</dc:title>" + author;
  o = with_package_bytes(e.package());
  CHECK(o.about.title == "AB");
  CHECK(test::codes(o) == "text_control_characters");
  CHECK_FALSE(code_of_package(std::string(5000, '\0')).empty());
}

TEST_CASE("duplicates of needed parts are refused, others are told") {
  auto with_double = [](const std::string& name) {
    epub e;
    e.more = {{.name = name, .data = "x"}};
    return e.bytes();
  };
  CHECK(test::refused_code(with_double("OEBPS/content.opf")) == "archive_duplicate_entry");
  CHECK(test::refused_code(with_double("META-INF/container.xml")) == "archive_duplicate_entry");
  CHECK(test::refused_code(with_double("mimetype")) == "archive_duplicate_entry");
  CHECK(test::refused_code(with_double("OEBPS/ch01.xhtml")) == "archive_duplicate_entry");
  epub e;
  e.more = {{.name = "OEBPS/a.css", .data = "1"}, {.name = "OEBPS/a.css", .data = "2"}};
  CHECK(test::codes(test::open_good(e)) == "archive_duplicate_entry");
}

TEST_CASE("needed parts that cannot be read are named") {
  std::vector<part> parts = epub{}.parts();
  SECTION("encrypted package document") {
    parts[2].deflate = false;
    parts[2].flags = 1;
    CHECK(test::refused_code(test::make_zip(parts)) == "archive_encrypted");
  }
  SECTION("unknown method") {
    parts[2].method = 97;
    CHECK(test::refused_code(test::make_zip(parts)) == "archive_unsupported_method");
  }
  SECTION("damaged package document") {
    parts[2].crc = 1;
    CHECK(test::refused_code(test::make_zip(parts)) == "archive_entry_damaged");
  }
  SECTION("the package document is a link") {
    parts[2].attributes = 0120777u << 16;
    CHECK(test::refused_code(test::make_zip(parts)) == "epub_no_package");
  }
  SECTION("a damaged chapter is only a warning, and there is no content hash") {
    parts[3].crc = 1;
    auto o = test::open_bytes(test::make_zip(parts));
    REQUIRE(o);
    CHECK(test::codes(*o) == "archive_entry_damaged");
    CHECK(o->content_hash.empty());
  }
  SECTION("an encrypted chapter, and one that is too long") {
    std::vector<part> locked = parts;
    locked[3].deflate = false;
    locked[3].flags = 1;
    CHECK(test::refused_code(test::make_zip(locked)) == "archive_encrypted");
    parts[3] = {.name = "OEBPS/ch01.xhtml", .data = std::string(33 << 20, 'x')};
    CHECK(test::refused_code(test::make_zip(parts)) == "xml_too_large");
  }
  SECTION("a chapter that is a link") {
    parts[3].attributes = 0120777u << 16;
    auto o = test::open_bytes(test::make_zip(parts));
    REQUIRE(o);
    CHECK(test::codes(*o) == "archive_symlink");
  }
  SECTION("a chapter that is not there") {
    epub e;
    e.manifest = "<item id='c2' href='gone.xhtml' media-type='application/xhtml+xml'/>";
    e.spine += "<itemref idref='c2'/>";
    CHECK(test::codes(test::open_good(e)) == "epub_missing_resource");
  }
}

TEST_CASE("content documents full of nonsense end in time") {
  std::string unclosed = repeated("<b><i><p>", 50'000), tags = repeated("<", 200'000),
              quotes = "<p title=\"" + std::string(300'000, 'x');
  for (const std::string& chapter :
       {unclosed, tags, quotes, repeated("&amp", 100'000), repeated("<x/>", 100'000), repeated("</p>", 100'000),
        "<svg>" + repeated("<g>", 10'000), std::string(300'000, '\0'), repeated("\xff", 100'000), repeated("<!--", 50'000),
        "<!DOCTYPE html [" + repeated("<!ENTITY a 'b'>", 20'000), repeated("<![CDATA[", 30'000), repeated("<script>", 20'000),
        "<!DOCTYPE x [<!ENTITY b '" + std::string(1000, 'b') + "'>]><html><body>" + repeated("&b;", 100'000) +
            "</body></html>"}) {
    epub e;
    e.chapter = chapter;
    auto start = std::chrono::steady_clock::now();
    auto o = test::open_bytes(e.bytes());
    CHECK(o.ok());
    CHECK(std::chrono::steady_clock::now() - start < std::chrono::seconds(5));
  }
}

TEST_CASE("a folder and a pipe are not files") {
  CHECK(test::refused_code("") == "empty_file");
  int ends[2];
  REQUIRE(::pipe(ends) == 0);
  auto o = publication::open(ends[0], "x.epub");
  REQUIRE_FALSE(o);
  CHECK(o.error().code == "not_a_regular_file");
  ::close(ends[0]);
  ::close(ends[1]);
}
