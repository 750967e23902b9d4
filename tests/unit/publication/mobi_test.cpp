#include <algorithm>
#include <catch2/catch.hpp>

#include "epub_maker.hpp"
#include "mobi_maker.hpp"
#include "publication/cover.hpp"
#include "publication/transport.hpp"
#include "server/core/digest.hpp"

using namespace carrel;
using namespace carrel::publication;
using test::big;
using test::make_png;
using test::mobi_book;

namespace {

opened open_book(const std::string& bytes, const std::string& name = "book.mobi") {
  result<opened, refusal> o = test::open_bytes(bytes, name);
  if (!o) FAIL("refused: " << o.error().code << " " << o.error().detail);
  CHECK(from_json(to_json(*o)).ok());
  return *o;
}
opened open_book(mobi_book b, const std::string& name = "book.mobi") { return open_book(b.bytes(), name); }

std::string text_hash(const std::string& normal) { return sha256_hex("carrel-text-v1\n" + normal); }

std::string value_of(const std::vector<std::pair<std::string, std::string>>& list, const std::string& key) {
  auto found = std::find_if(list.begin(), list.end(), [&](const auto& v) { return v.first == key; });
  return found == list.end() ? "" : found->second;
}

std::vector<std::string> names_of(const std::vector<person>& people) {
  std::vector<std::string> out;
  for (const person& p : people) out.push_back(p.name + "/" + p.sort);
  return out;
}

mobi_book with(std::vector<std::pair<std::uint32_t, std::string>> values) {
  mobi_book b;
  b.exth = std::move(values);
  return b;
}

// A book of 3 pictures, the second of which stands upright.
mobi_book with_pictures() {
  mobi_book b;
  b.pictures = {make_png(60, 40), make_png(40, 60), make_png(30, 30)};
  return b;
}

std::string repeated(const std::string& s, int n) {
  std::string out;
  for (int i = 0; i < n; ++i) out += s;
  return out;
}

}  // namespace

TEST_CASE("a plain MOBI opens without a warning") {
  opened o = open_book(mobi_book{});
  CHECK(o.format == "mobi");
  CHECK(o.described);
  CHECK(test::codes(o) == "");
  CHECK(o.about.title == "Plain");
  CHECK(o.about.authors == std::vector<person>{{"Ada Lark", "Lark, Ada", "aut"}});
  CHECK(o.about.languages == std::vector<std::string>{"en"});
  CHECK(o.about.page_count == 1);
  CHECK(o.about.page_count_source == "estimate");
  CHECK(o.content_hash == text_hash("One.Two."));
  CHECK(o.about.drm.empty());
  CHECK_FALSE(o.about.fixed_layout);
  CHECK(o.about.reading == direction::unknown);
  CHECK_FALSE(o.cover);
}

TEST_CASE("an AZW3 is put together from its frames and pieces, and has the hash of its EPUB") {
  mobi_book b = test::kf8_book();
  b.behind_frames = "p { color: red } <p>not text</p>";
  opened o = open_book(b, "book.azw3");
  CHECK(o.format == "azw3");
  CHECK(test::codes(o) == "");
  CHECK(o.content_hash == text_hash("One.Two.Three."));

  test::epub e;
  e.chapter = "<html xmlns='http://www.w3.org/1999/xhtml'><head/><body><p>One. Two.</p><p>Three.</p></body></html>";
  CHECK(test::open_good(e).content_hash == o.content_hash);

  SECTION("a piece belongs behind, or into, the one before it") {
    std::size_t end = b.frames[0].text.find("</body>");
    b.frames[0].pieces = {{b.frames[0].text.find("<title>"), "<meta/>"}, {end + 7, "<p>A B</p>"}};
    CHECK(open_book(b).content_hash == text_hash("ABThree."));
    b.frames[0].pieces = {{end, "<div>A </div><div>B</div>"}, {end + 5, "C "}, {end + 27, "D"}};
    CHECK(open_book(b).content_hash == text_hash("CABDThree."));
  }
  SECTION("pieces that are missing") {
    std::vector<std::string> records = b.records();
    auto pieces = std::find_if(records.begin(), records.end(), [](const std::string& r) { return r.find("P-1") != r.npos; });
    REQUIRE(pieces != records.end());
    std::string& list = *(pieces - 1);
    std::size_t count = 24;
    list.replace(count, 4, big(1, 4));
    opened broken = open_book(test::make_palm(records));
    CHECK(test::codes(broken) == "archive_entry_damaged");
    CHECK(broken.content_hash.empty());
  }
}

TEST_CASE("the text is the same however it is packed") {
  mobi_book b;
  b.markup = "<html><body>" + repeated("<p>the cat and the dog, the owl, the caf\u00e9</p>\n", 400) + "</body></html>";
  std::string normal = repeated("thecatandthedog,theowl,thecaf\u00e9", 400);
  for (int compression : {1, 2, 17480}) {
    INFO(compression);
    b.compression = compression;
    opened o = open_book(b);
    CHECK(test::codes(o) == "");
    CHECK(o.content_hash == text_hash(normal));
    CHECK(o.about.page_count == static_cast<int>((400u * 29 * 10 + 12499) / 12500));
  }
}

TEST_CASE("an older book is read to its end, whatever its markup") {
  mobi_book b;
  b.markup = "<HTML><HEAD><TITLE>no</TITLE><guide><reference type=toc filepos=0000000123 /></guide></HEAD><BODY>" +
             repeated("<p height=\"0pt\" width=\"1em\">One <i>two<font size=2>three</font></i><br>\n<mbp:pagebreak/>", 5000) +
             "<script>no</script><style>no</style>&eacute;&#233;&amp;</BODY></HTML>";
  opened o = open_book(b);
  CHECK(test::codes(o) == "");
  CHECK(o.content_hash == text_hash(repeated("Onetwothree", 5000) + "\u00e9\u00e9&"));
}

TEST_CASE("an older book without pages is read to its end, too") {
  mobi_book b;
  b.record_size = 32'768;
  b.markup = "<html><body><div>" + repeated("<p width=1em>One <i>two</i> three, " + std::string(1000, 'x') + "</p>\n", 9000) +
             "</div></body></html>";
  opened o = open_book(b);
  CHECK(test::codes(o) == "");
  CHECK(o.content_hash == text_hash(repeated("Onetwothree," + std::string(1000, 'x'), 9000)));
}

TEST_CASE("old books are written in windows-1252") {
  mobi_book b = with({{100, "Zo\xeb Lark"}, {101, "Caf\xe9 \x96 Press"}, {524, "fr"}});
  b.full_name =
      "\x93"
      "Caf\xe9\x94";
  b.encoding = 1252;
  b.markup = "<html><head><meta charset='windows-1252'></head><body>Caf\xe9 \x93x\x94</body></html>";
  opened o = open_book(b);
  CHECK(test::codes(o) == "");
  CHECK(o.about.title == "\u201cCaf\u00e9\u201d");
  CHECK(o.about.authors.at(0).name == "Zo\u00eb Lark");
  CHECK(o.about.publisher == "Caf\u00e9 \u2013 Press");
  CHECK(o.content_hash == text_hash("Caf\u00e9\u201cx\u201d"));
  b.encoding = 65001;
  CHECK(test::warned(open_book(b), "text_invalid_utf8"));
}

TEST_CASE("PalmDOC is text without metadata") {
  for (int compression : {1, 2}) {
    opened o =
        open_book(test::make_palmdoc("Some <plain> text & more, and more text", compression), "Ada Lark - The Lost Garden.prc");
    CHECK(o.format == "mobi");
    CHECK(o.about.title == "The Lost Garden");
    CHECK(test::codes(o) == "metadata_missing_title metadata_missing_author");
    CHECK(o.content_hash == text_hash("Some<plain>text&more,andmoretext"));
  }
  CHECK(open_book(test::make_palmdoc("caf\xe9")).content_hash == text_hash("caf\u00e9"));
  CHECK(open_book(test::make_palmdoc("<html><body><p>A &amp; B</p></body></html>")).content_hash == text_hash("A&B"));
}

TEST_CASE("the fields of EXTH") {
  opened o = open_book(with({{100, "Ada Lark"},
                             {100, "Bo Finch"},
                             {101, "Nest Press"},
                             {103, "<p>A <b>lost</b> garden<script>x()</script></p>"},
                             {104, "978-0-306-40615-7"},
                             {105, "Gardens; Birds"},
                             {105, "gardens"},
                             {105, "Maps, old"},
                             {106, "2019-05-06T00:00:00+00:00"},
                             {108, "calibre (6.13.0) [https://calibre-ebook.com]"},
                             {108, "Cy Wren"},
                             {109, "\u00a9 2019"},
                             {112, "urn:isbn:0306406152"},
                             {113, "B0ABCDEF12"},
                             {501, "EBOK"},
                             {503, "The Lost Garden &amp; more"},
                             {524, "en-us"}}));
  const metadata& about = o.about;
  CHECK(test::codes(o) == "");
  CHECK(about.title == "The Lost Garden & more");
  CHECK(about.title_sort == "Lost Garden & more, The");
  CHECK(names_of(about.authors) == std::vector<std::string>{"Ada Lark/Lark, Ada", "Bo Finch/Finch, Bo"});
  CHECK(about.contributors == std::vector<person>{{"Cy Wren", "Wren, Cy", "ctb"}});
  CHECK(about.publisher == "Nest Press");
  CHECK(about.description_html == "<p>A <b>lost</b> garden</p>");
  CHECK(about.subjects == std::vector<std::string>{"Gardens", "Birds", "Maps, old"});
  CHECK(about.published_on == "2019-05-06");
  CHECK(about.languages == std::vector<std::string>{"en-US"});
  CHECK(value_of(about.identifiers, "isbn_13") == "9780306406157");
  CHECK(value_of(about.identifiers, "print_isbn") == "9780306406157");
  CHECK(value_of(about.identifiers, "asin") == "B0ABCDEF12");
  CHECK(value_of(about.facts, "rights") == "\u00a9 2019");
  CHECK(value_of(about.facts, "source") == "urn:isbn:0306406152");
  CHECK(value_of(about.facts, "kindle_type") == "EBOK");
}

TEST_CASE("values that say nothing or nonsense") {
  opened o = open_book(with({{100, "Unknown"},
                             {103, "  "},
                             {103, "Second"},
                             {104, "978-0-306-40615-8"},
                             {106, "0101-01-01T00:00:00+00:00"},
                             {106, "someday"},
                             {106, "1999"},
                             {113, "0a1b2c3d-0000-4000-8000-000000000001"},
                             {504, "B0ZZZZZZ99"},
                             {503, ""},
                             {524, "klingonisch"}}));
  CHECK(test::codes(o) == "metadata_invalid_value metadata_invalid_value metadata_invalid_value metadata_missing_author");
  CHECK(o.about.title == "Plain");
  CHECK(o.about.authors.empty());
  CHECK(o.about.description_text == "Second");
  CHECK(o.about.published_on == "1999");
  CHECK(o.about.languages == std::vector<std::string>{"en"});  // of record 0
  CHECK(o.about.identifiers == std::vector<std::pair<std::string, std::string>>{{"asin", "B0ZZZZZZ99"}});
}

TEST_CASE("a book without EXTH has its name and its language in record 0") {
  mobi_book b = with({});
  b.locale = 7;
  opened o = open_book(b);
  CHECK(o.about.title == "Plain");
  CHECK(o.about.languages == std::vector<std::string>{"de"});
  CHECK(test::codes(o) == "metadata_missing_author");
  b.locale = 0;
  o = open_book(b);
  CHECK(o.about.languages.empty());
  CHECK(test::codes(o) == "metadata_missing_author");
  b.full_name = " ";
  o = open_book(b, "Ada Lark - The Lost Garden (2019).mobi");
  CHECK(o.about.title == "The Lost Garden");
  CHECK(o.about.authors.at(0).sort == "Lark, Ada");
  CHECK(o.about.published_on == "2019");
  CHECK(test::codes(o) == "metadata_missing_title metadata_missing_author");
}

TEST_CASE("names of authors are turned round when all of them are turned") {
  using list = std::vector<std::string>;
  auto authors = [](const list& names, const std::string& language) {
    mobi_book b = with({{524, language}});
    for (const std::string& n : names) b.exth.emplace_back(100, n);
    return names_of(open_book(b).about.authors);
  };
  CHECK(authors({"Lark, Ada", "Finch, Bo"}, "en") == list{"Ada Lark/Lark, Ada", "Bo Finch/Finch, Bo"});
  CHECK(authors({"Lark, Ada", "Bo Finch"}, "en") == list{"Lark, Ada/Lark, Ada", "Bo Finch/Finch, Bo"});
  CHECK(authors({"Lark, Ada, Bo"}, "en") == list{"Lark, Ada, Bo/Lark, Ada, Bo"});
  CHECK(authors({"J\u00f3kai, M\u00f3r"}, "hu") == list{"J\u00f3kai, M\u00f3r/J\u00f3kai, M\u00f3r"});
  CHECK(authors({"Mori, Ogai"}, "ja") == list{"Mori, Ogai/Mori, Ogai"});
  CHECK(authors({"Ada Lark & Bo Finch"}, "en") == list{"Ada Lark/Lark, Ada", "Bo Finch/Finch, Bo"});
  CHECK(authors({"Lark, Ada; Finch, Bo"}, "en") == list{"Ada Lark/Lark, Ada", "Bo Finch/Finch, Bo"});
  CHECK(authors({"Nest Press, Inc"}, "en") == list{"Nest Press, Inc/Nest Press, Inc"});
}

TEST_CASE("layout and reading direction") {
  auto reading = [](std::vector<std::pair<std::uint32_t, std::string>> values) {
    values.emplace_back(100, "Ada Lark");
    return open_book(with(std::move(values))).about.reading;
  };
  CHECK(reading({{527, "rtl"}}) == direction::rtl);
  CHECK(reading({{527, "ltr"}, {525, "vertical-rl"}}) == direction::ltr);
  CHECK(reading({{527, "default"}, {525, "vertical-rl"}}) == direction::rtl);
  CHECK(reading({{525, "horizontal-lr"}}) == direction::unknown);

  mobi_book b = test::kf8_book();
  b.exth.emplace_back(122, "true");
  opened o = open_book(b);
  CHECK(o.about.fixed_layout);
  CHECK(o.about.page_count == 2);
  b.exth.back().second = "false";
  CHECK_FALSE(open_book(b).about.fixed_layout);
}

TEST_CASE("a dictionary has its tag") {
  mobi_book b = with({{100, "Ada Lark"}, {105, "Words"}});
  b.dictionary = true;
  CHECK(open_book(b).about.subjects == std::vector<std::string>{"dictionary", "Words"});
}

TEST_CASE("a protected book is described, and nothing more") {
  for (int encryption : {1, 2}) {
    mobi_book b = with_pictures();
    b.encryption = encryption;
    b.exth.emplace_back(201, big(1, 4));
    opened o = open_book(b);
    CHECK(o.about.drm == "amazon");
    CHECK(test::codes(o) == "drm_protected");
    CHECK(o.warnings.at(0).detail == "amazon");
    CHECK(o.about.title == "Plain");
    CHECK(o.content_hash.empty());
    CHECK(o.about.page_count == 0);
    CHECK(o.about.page_count_source.empty());
    REQUIRE(o.cover);
    CHECK(o.cover->width == 40);
  }
}

TEST_CASE("the cover is found in the order of the section") {
  mobi_book b = with_pictures();
  auto width = [&] {
    opened o = open_book(b);
    return o.cover ? o.cover->width : 0;
  };
  SECTION("the one that is named") {
    b.exth.emplace_back(201, big(2, 4));
    opened o = open_book(b);
    REQUIRE(o.cover);
    CHECK(o.cover->bytes == b.pictures[2]);
    CHECK(o.cover->mime == "image/png");
    CHECK(test::codes(o) == "");
  }
  SECTION("by its address in an AZW3") {
    b.exth.emplace_back(129, "kindle:embed:0002");
    CHECK(width() == 40);
  }
  SECTION("a thumbnail only when it is large") {
    b.exth.emplace_back(202, big(1, 4));
    CHECK(width() == 0);
    b.pictures[1] = make_png(200, 301);
    CHECK(width() == 200);
  }
  SECTION("the first picture when it stands upright") {
    CHECK(width() == 0);
    std::swap(b.pictures[0], b.pictures[1]);
    b.pictures.insert(b.pictures.begin(), "FONT and so on");
    CHECK(width() == 40);
  }
  SECTION("none of these is said to be missing") {
    b.exth.emplace_back(201, big(0xffffffff, 4));
    CHECK(test::codes(open_book(b)) == "");
  }
  SECTION("a named one that is not there") {
    b.exth.emplace_back(201, big(5000, 4));
    std::swap(b.pictures[0], b.pictures[1]);
    CHECK(test::codes(open_book(b)) == "cover_missing");
    CHECK(width() == 40);
  }
  SECTION("a named one that is no picture") {
    b.pictures[2] = "<svg/>";
    b.exth.emplace_back(201, big(2, 4));
    CHECK(test::codes(open_book(b)) == "cover_unreadable");
  }
  SECTION("a bomb") {
    b.pictures[2] = make_png(30000, 30000, 1);
    b.exth.emplace_back(201, big(2, 4));
    CHECK(test::codes(open_book(b)) == "cover_too_large");
  }
  SECTION("a damaged one") {
    auto jpeg = scale_picture(make_png(600, 900), {.width = 600, .height = 900, .quality = 90});
    REQUIRE(jpeg);
    b.pictures[2] = jpeg->substr(0, jpeg->size() * 2 / 3);
    b.exth.emplace_back(201, big(2, 4));
    CHECK(test::codes(open_book(b)) == "cover_damaged");
    CHECK(width() == 600);
  }
}

TEST_CASE("a hybrid file speaks with its newer book") {
  mobi_book older = with_pictures(), newer = test::kf8_book();
  older.full_name = "Older";
  newer.full_name = "Newer";
  newer.exth = {{100, "Bo Finch"}, {201, big(1, 4)}};
  for (int compression : {1, 2, 17480}) {
    newer.compression = compression;
    older.compression = compression;
    opened o = open_book(test::make_hybrid(older, newer));
    CHECK(o.format == "azw3");
    CHECK(test::codes(o) == "");
    CHECK(o.about.title == "Newer");
    CHECK(o.about.authors.at(0).name == "Bo Finch");
    CHECK(o.content_hash == text_hash("One.Two.Three."));
    REQUIRE(o.cover);
    CHECK(o.cover->bytes == older.pictures[1]);
  }
  SECTION("which may be locked") {
    older.encryption = 2;
    CHECK(open_book(test::make_hybrid(older, newer)).about.drm == "amazon");
    older.encryption = 0;
    newer.encryption = 2;
    CHECK(open_book(test::make_hybrid(older, newer)).content_hash.empty());
  }
  SECTION("without the mark between them it is the older one") {
    std::string bytes = test::make_hybrid(older, newer);
    bytes.replace(bytes.find("BOUNDARY"), 8, "LANDMARK");
    opened o = open_book(bytes);
    CHECK(o.format == "mobi");
    CHECK(o.about.title == "Older");
  }
}

TEST_CASE("a book of pictures is told by them") {
  mobi_book b = with_pictures();
  b.markup = "<html><body><img recindex=\"00002\"/><p>Page</p><img hspace='0' recindex='00001'></body></html>";
  auto hash_of = [](const std::vector<std::string>& pictures) {
    digest d(digest_kind::sha256);
    d.update("carrel-images-v1\n");
    for (const std::string& p : pictures) d.update(sha256_raw(p));
    return d.hex();
  };
  CHECK(open_book(b).content_hash == hash_of({b.pictures[1], b.pictures[0]}));
  SECTION("unless the only one is its cover") {
    b.markup = "<html><body><img recindex='2'/><p>Page</p></body></html>";
    b.exth.emplace_back(201, big(1, 4));
    CHECK(open_book(b).content_hash == text_hash("Page"));
  }
  SECTION("and has no hash when one is not there") {
    b.markup = "<html><body><img recindex='77'/></body></html>";
    CHECK(open_book(b).content_hash.empty());
  }
  SECTION("in an AZW3, too") {
    mobi_book k = test::kf8_book();
    k.pictures = b.pictures;
    k.frames[0].pieces = {{k.frames[0].text.find("</body>"), "<img src='kindle:embed:0003?mime=image/png'/>"}};
    CHECK(open_book(k).content_hash == hash_of({b.pictures[2]}));
  }
  SECTION("and none when there is neither text nor picture") {
    b.markup = "<html><body> </body></html>";
    CHECK(open_book(b).content_hash.empty());
  }
}

TEST_CASE("chapters come in the order of reading") {
  mobi_book b = test::kf8_book();
  b.chapters = {{"Part one", 0, 2, 3}, {"Part two", 0, 4, 4}, {"A", 1}, {"B", 1}, {"C", 1}};
  auto shown = [](const mobi_book& book) {
    std::string out;
    for (const toc_entry& e : open_book(book).about.toc)
      out += std::string(static_cast<std::size_t>(e.depth), ' ') + e.title + "|";
    return out;
  };
  CHECK(shown(b) == "Part one| A| B|Part two| C|");
  CHECK(open_book(b).about.toc.at(3).href == "kindle:pos:fid:0001:off:0000000000");
  mobi_book old;
  old.chapters = b.chapters;
  CHECK(shown(old) == shown(b));
  CHECK(open_book(old).about.toc.at(3).href == "filepos:0000000100");
  SECTION("each once, whatever points to it") {
    b.chapters = {{"One", 0, 1, 4}, {"Two", 1, 2, 4}, {"Three", 2, 1, 2}, {"Four", 1, 1, 4}, {"", 1}, {"Five", 3}};
    CHECK(shown(b) == "One| Two|  Three| Four|   Five|");
  }
}

TEST_CASE("kinds of Kindle books that are no text") {
  mobi_book replica;
  replica.markup = "%MOP and a PDF";
  auto o = test::open_bytes(replica.bytes(), "book.azw4");
  REQUIRE_FALSE(o);
  CHECK(o.error().code == "unsupported_type");
  CHECK(o.error().detail.find("AZW4") != std::string::npos);
  CHECK(test::refused_code("TPZ0", "a.azw1") == "unsupported_type");
  CHECK(test::refused_code("CONT\2\0", "a.kfx") == "unsupported_type");
}

TEST_CASE("extensions of Kindle books are not a mismatch") {
  for (const char* name : {"a.mobi", "a.azw", "a.prc", "a.azw3"}) {
    CHECK(test::codes(open_book(mobi_book{}, name)) == "");
    CHECK(test::codes(open_book(test::kf8_book(), name)) == "");
  }
  CHECK(test::codes(open_book(mobi_book{}, "a.epub")) == "extension_mismatch");
}

TEST_CASE("endless values are cut") {
  mobi_book b = with({{100, std::string(2000, 'a')}, {101, std::string(2000, 'p')}, {503, std::string(100'000, 't')}});
  for (int i = 0; i < 700; ++i) b.exth.emplace_back(105, "subject " + std::to_string(i) + std::string(300, 's'));
  b.exth.emplace_back(103, "<p>" + repeated("<i>word</i> ", 20'000) + "</p>");
  b.exth.emplace_back(109, std::string(200'000, 'r'));
  opened o = open_book(b);
  CHECK(o.about.title.size() == 1000);
  CHECK(o.about.publisher.size() == 300);
  CHECK(o.about.subjects.size() == 500);
  CHECK(test::warned(o, "metadata_truncated"));
}
