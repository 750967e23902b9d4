// A metadata.opf that Carrel writes is read back as what it was written from (ingest.md 15.1, product.md 3.2).
#include "publication/side_file.hpp"

#include <catch2/catch.hpp>
#include <random>

#include "publication/sanitise.hpp"
#include "publication/sidecar.hpp"

using namespace carrel;
using namespace carrel::publication;

namespace {

corrected everything() {
  return {
      .title = "The Lighthouse Ledger & More",
      .subtitle = "A <Tale>",
      .title_sort = "Ledger & More, The Lighthouse",
      .authors = {{"Ada Fenwick", "Fenwick, Ada", "aut"}, {"Bo Lark", "Lark, Bo", "aut"}},
      .contributors = {{"Cy Tern", "Tern, Cy", "trl"}, {"Dee Wren", "Wren, Dee", "ill"}},
      .series = "Ledgers",
      .series_index = 2.5,
      .languages = {"de", "fr"},
      .publisher = "Small \"Press\"",
      .published_on = "2019-03-04",
      .description = "<p>First.</p><p>Second &amp; last.</p>",
      .subjects = {"Sea", "Ships, old"},
      .identifiers = {{"asin", "B00ABCDEFG"}, {"isbn_10", "316148410X"}, {"isbn_13", "9783161484100"}, {"openlibrary", "OL7M"}},
      .cleared = {"subtitle"}};
}

std::string written(const corrected& c, const std::string& cover = "") {
  result<std::string, refusal> out = metadata_opf(c, "0190-id", cover);
  if (!out) FAIL("refused: " << out.error().code << " " << out.error().detail);
  return *out;
}

told read(const std::string& opf) {
  result<told, refusal> out = read_metadata_opf(opf);
  if (!out) FAIL("refused: " << out.error().code << " " << out.error().detail);
  return *out;
}

using pairs = std::vector<std::pair<std::string, std::string>>;
pairs sorted(pairs p) {
  std::sort(p.begin(), p.end());
  return p;
}

void check_same(const corrected& want, const metadata& got) {
  CHECK(got.title == want.title);
  CHECK(got.subtitle == want.subtitle);
  CHECK(got.title_sort == want.title_sort);
  CHECK(got.authors == want.authors);
  CHECK(got.contributors == want.contributors);
  CHECK(got.series == want.series);
  CHECK(got.series_index == want.series_index);
  CHECK(got.languages == want.languages);
  CHECK(got.publisher == want.publisher);
  CHECK(got.published_on == want.published_on);
  CHECK(got.description_html == want.description);
  CHECK(got.subjects == want.subjects);
  CHECK(sorted(got.identifiers) == sorted(want.identifiers));
}

}  // namespace

TEST_CASE("what is written beside a book is read back the same") {
  corrected all = everything();
  told t = read(written(all, "cover.jpg"));
  check_same(all, t.about);
  CHECK(t.cover == "cover.jpg");
  CHECK(t.warnings.empty());
  CHECK(written(all, "cover.jpg") == written(all, "cover.jpg"));
}

TEST_CASE("a picture with a name of its own is named so that it is found") {
  for (const char* name : {"A Book #1 & more.jpg", "50%.png", "Ключ \"x\".webp"})
    CHECK(read(written(everything(), name)).cover == name);
}

TEST_CASE("of each field alone nothing else is said") {
  for (std::string_view field : writable_fields) {
    INFO(field);
    corrected one = only_fields(everything(), {std::string(field)});
    metadata m = read(written(one)).about;
    CHECK((m.title.empty()) == (field != "title"));
    CHECK((m.subtitle.empty()) == (field != "title"));
    CHECK((m.authors.empty()) == (field != "authors"));
    CHECK((m.contributors.empty()) == (field != "authors"));
    CHECK((m.series.empty()) == (field != "series"));
    CHECK((m.description_html.empty()) == (field != "description"));
    CHECK((m.languages.empty()) == (field != "language"));
    CHECK((m.identifiers.empty()) == (field != "identifiers"));
    CHECK((m.subjects.empty()) == (field != "tags"));
    CHECK((m.publisher.empty()) == (field != "publisher"));
    CHECK((m.published_on.empty()) == (field != "date"));
  }
}

TEST_CASE("what was emptied on purpose is emptied only where its field is written") {
  corrected c;
  c.cleared = {"contributors", "genres", "identifiers", "published", "subtitle", "tags"};
  CHECK(only_fields(c, {"tags", "date"}).cleared == std::vector<std::string>{"genres", "published", "tags"});
  CHECK(only_fields(c, {"authors", "title"}).cleared == std::vector<std::string>{"contributors", "subtitle"});
  CHECK(only_fields(c, {}).cleared.empty());
}

TEST_CASE("hostile words are written as words") {
  corrected c = everything();
  c.title = "]]></dc:title><meta name=\"calibre:series\" content=\"Owned\"/>&xxe;\x01\x0b";
  c.subtitle = "<!DOCTYPE x [<!ENTITY a 'b'>]> &#0; %a;";
  c.publisher = "\xff\xfe bad \xed\xa0\x80 bytes";
  c.series = "\"/><script>";
  c.authors = {{"\x02", "x", "aut"}, {"O'Neil <b>", "Neil, \"O\"", "aut"}};
  c.contributors = {};
  c.subjects = {"", "<a>", std::string("nul\0l", 5)};
  c.identifiers = {{"x\"><y", "1"}, {"carrel", "a<b"}};
  c.description = "<p onclick=\"x()\">Fine <script>bad()</script><b>bold</b></p>\x03";
  metadata m = read(written(c, "../x\n.jpg")).about;
  CHECK(m.title == "]]></dc:title><meta name=\"calibre:series\" content=\"Owned\"/>&xxe;");
  CHECK(m.subtitle == "<!DOCTYPE x [<!ENTITY a 'b'>]> &#0; %a;");
  CHECK(m.series == "\"/><script>");
  CHECK(m.authors.size() == 1);
  CHECK(m.authors.at(0).name == "O'Neil <b>");
  CHECK(m.description_html.find("script") == std::string::npos);
  CHECK(m.description_html.find("onclick") == std::string::npos);
  CHECK(m.description_html.find("bold") != std::string::npos);
  CHECK(m.identifiers == pairs{{"carrel", "a<b"}});
}

TEST_CASE("of nothing something is written that says nothing") {
  told t = read(written({}));
  CHECK(t.about.title.empty());
  CHECK(t.about.identifiers.empty());
  CHECK(t.cover.empty());
}

TEST_CASE("whatever the words are, the file can be read, and writing what was read changes nothing") {
  std::mt19937 random(7);
  const std::vector<std::string> parts{
      "a",    "B ", "&",  "<",    ">",    "\"", "'",    "]]>", "é",      "本", "\xf0\x9f\x93\x96",
      "\x01", "\t", "\n", "\xff", "&#1;", ";",  "<!--", "-->", "\u202e", "{}", "e\u0301"};
  auto words = [&] {
    std::string out;
    for (std::size_t n = random() % 12; n > 0; --n) out += parts[random() % parts.size()];
    return out;
  };
  for (int i = 0; i < 300; ++i) {
    corrected c;
    c.title = words(), c.subtitle = words(), c.publisher = words(), c.series = words();
    c.authors = {{words(), words(), "aut"}};
    c.description = "<p>" + words() + "</p>";
    c.subjects = {words(), words()};
    c.cleared = {};
    metadata first = read(written(c)).about;
    corrected again{.title = first.title,
                    .subtitle = first.subtitle,
                    .title_sort = first.title_sort,
                    .authors = first.authors,
                    .contributors = first.contributors,
                    .series = first.series,
                    .series_index = first.series_index,
                    .languages = first.languages,
                    .publisher = first.publisher,
                    .published_on = first.published_on,
                    .description = first.description_html,
                    .subjects = first.subjects,
                    .identifiers = first.identifiers,
                    .cleared = {}};
    check_same(again, read(written(again)).about);
  }
}
