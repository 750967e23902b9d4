// Locations of Kobos and places in a book (kobo.md 10.1 to 10.3).
#include <catch2/catch.hpp>
#include <limits>
#include <random>

#include "epub_maker.hpp"
#include "publication/kepub/convert.hpp"
#include "tests/harness/folder.hpp"

using namespace carrel;
using namespace carrel::publication;
using kepub::mapped_document;
using kepub::span_map;

namespace {

span_map small_map() {
  return span_map({{.path = "OEBPS/carrel-titlepage.xhtml"},
                   {.path = "OEBPS/text/ch 1.xhtml", .characters = 100, .spans = {{{1, 1}, 0}, {{1, 2}, 40}, {{2, 1}, 60}}},
                   {.path = "OEBPS/text/ch2.xhtml", .characters = 300, .spans = {{{0, 1}, 10}, {{3, 1}, 200}}}});
}

}  // namespace

TEST_CASE("a document is found by what Kobos call it") {
  span_map m = small_map();
  for (const char* name : {"OEBPS/text/ch 1.xhtml", "OEBPS/text/ch%201.xhtml", "/OEBPS/text/ch 1.xhtml", "text/ch 1.xhtml",
                           "ch 1.xhtml", "OEBPS/text/ch 1.xhtml#kobo.1.2", "/text/ch%201.xhtml#x"}) {
    INFO(name);
    CHECK(m.document_named(name) == 1);
  }
  for (const char* name : {"", "/", "#kobo.1.1", "1.xhtml", "xhtml", "OEBPS/text/ch3.xhtml", "%zz"}) {
    INFO(name);
    CHECK_FALSE(m.document_named(name));
  }
  span_map twins({{.path = "a/x.xhtml"}, {.path = "b/x.xhtml"}});
  CHECK_FALSE(twins.document_named("x.xhtml"));
  CHECK(twins.document_named("b/x.xhtml") == 1);
}

TEST_CASE("a location is taken at its span, else at its percents, the document's first") {
  span_map m = small_map();
  std::optional<kepub::place> at = m.of("text/ch2.xhtml", "kobo.3.1", 10, 90);
  REQUIRE(at);
  CHECK(at->document == 2);
  CHECK(at->offset == 200);
  CHECK(at->exact);
  CHECK(m.fraction_of_book(*at) == Approx(0.75));
  at = m.of("text/ch2.xhtml", "kobo.9.9", 50, 90);
  REQUIRE(at);
  CHECK(at->document == 2);
  CHECK(at->offset == 150);
  CHECK_FALSE(at->exact);
  at = m.of("elsewhere.xhtml", "kobo.1.1", 50, 10);
  REQUIRE(at);
  CHECK(at->document == 1);
  CHECK(at->offset == 40);
  CHECK_FALSE(m.of("elsewhere.xhtml", "kobo.1.1", 50, std::nullopt));
  for (const char* value : {"", "kobo.1", "kobo.1.1.1", "kobo.-1.1", "span#1", "kobo.99999999999.1"})
    CHECK_FALSE(m.at_span(1, value));
}

TEST_CASE("percents beyond their ends are the ends") {
  span_map m = small_map();
  for (double odd : {-5.0, -std::numeric_limits<double>::infinity(), std::numeric_limits<double>::quiet_NaN()}) {
    CHECK(m.at_fraction(odd).offset == 0);
    CHECK(m.at_fraction_of(1, odd).offset == 0);
  }
  CHECK(m.at_fraction(7).document == 2);
  CHECK(m.at_fraction(7).offset == 300);
  CHECK(m.at_fraction_of(1, std::numeric_limits<double>::infinity()).offset == 100);
  CHECK(m.at_fraction_of(17, 0.5).document == 0);
  span_map none({});
  CHECK(none.at_fraction(0.5).offset == 0);
  CHECK(none.location_of({}).value == "kobo.1.1");
  CHECK(none.fraction_of_book({}) == 0);
}

TEST_CASE("a place is told as the last span in front of it, and never as finished while it is not") {
  span_map m = small_map();
  auto value = [&](std::size_t document, std::uint64_t offset) { return m.location_of({document, offset, false}).value; };
  CHECK(value(1, 0) == "kobo.1.1");
  CHECK(value(1, 39) == "kobo.1.1");
  CHECK(value(1, 40) == "kobo.1.2");
  CHECK(value(1, 99) == "kobo.2.1");
  CHECK(value(2, 0) == "kobo.0.1");
  CHECK(value(0, 0) == "kobo.1.1");
  kepub::location end = m.location_of({2, 300, false});
  CHECK(end.source == "OEBPS/text/ch2.xhtml");
  CHECK(end.in_book == 99);
  CHECK(end.in_document == 100);
  CHECK(m.location_of({2, 300, false}, true).in_book == 100);
  CHECK(m.location_of({1, 50, false}).in_document == 50);
  CHECK(m.location_of({1, 50, false}).in_book == 12);
}

TEST_CASE("every span of a converted book is its own place and comes back from the stored form") {
  test::epub in;
  in.chapter = "<html xmlns='http://www.w3.org/1999/xhtml'><head/><body>";
  for (int i = 0; i < 200; ++i) in.chapter += "<p>It rained. Nobody came. <i>She</i> waited!</p><img src='x'/>";
  in.chapter += "</body></html>";
  harness::scratch_folder folder;
  test::scratch source(in.bytes());
  result<kepub::made, refusal> made = kepub::convert(source.descriptor(), "x.epub", folder.path / "x.kepub.epub");
  REQUIRE(made);
  std::optional<span_map> stored = span_map::unpack(made->span_map);
  REQUIRE(stored);
  const span_map& map = *stored;
  REQUIRE(map.documents().size() == 2);
  CHECK(map.documents()[0].path == "OEBPS/carrel-titlepage.xhtml");
  CHECK(map.pack() == made->span_map);
  const mapped_document& chapter = map.documents()[1];
  CHECK(chapter.spans.size() == made->spans);
  for (std::size_t i = 0; i < chapter.spans.size(); ++i) {
    std::optional<kepub::place> at = stored->of(chapter.path, chapter.spans[i].id.text(), std::nullopt, std::nullopt);
    REQUIRE(at);
    // A picture has no text: the span behind it begins where it stands.
    bool alone = i + 1 == chapter.spans.size() || chapter.spans[i + 1].offset != chapter.spans[i].offset;
    if (alone) CHECK(stored->location_of(*at).value == chapter.spans[i].id.text());
  }

  test::scratch kepub_file(harness::read_file(folder.path / "x.kepub.epub"));
  result<kepub::made, refusal> again = kepub::convert(kepub_file.descriptor(), "x.kepub.epub", folder.path / "y.kepub.epub");
  REQUIRE(again);
  CHECK(again->copied);
  CHECK(again->span_map == made->span_map);
}

TEST_CASE("spans are found by the characters that count, a picture as the text behind it") {
  span_map m({{.path = "a.xhtml",
               .characters = 90,
               .nw = 70,
               .spans = {{{1, 1}, 3, 0}, {{1, 2}, 40, 31}, {{2, 1}, 80, 62}, {{3, 1}, 80, 62}, {{4, 1}, 90, 70}}},
              {.path = "empty.xhtml"}});
  auto name = [&](std::uint64_t nw) { return m.span_at(0, nw)->id.text(); };
  CHECK(name(0) == "kobo.1.1");
  CHECK(name(30) == "kobo.1.1");
  CHECK(name(31) == "kobo.1.2");
  CHECK(name(62) == "kobo.3.1");  // kobo.2.1 is a picture in front of it
  CHECK(name(70) == "kobo.4.1");
  CHECK(name(1'000'000) == "kobo.4.1");
  CHECK(m.span_at(1, 0) == nullptr);
  CHECK(m.span_at(2, 0) == nullptr);
  CHECK(m.span_named(0, "kobo.2.1")->nw == 62);
  CHECK(m.span_named(0, "kobo.2.2") == nullptr);
  CHECK(span_map::unpack(m.pack())->documents() == m.documents());
}

TEST_CASE("a conversion counts the characters of its source that are left and are no white space") {
  std::string open = "<html xmlns='http://www.w3.org/1999/xhtml'><head/><body>", close = "</body></html>";
  auto made =
      kepub::convert_document(open + "\n<p>\u00a0A\u00adb\ufffd. <i>c</i>\u200bd.</p><script>e</script><p>&#1;f</p>" + close);
  REQUIRE(made);
  CHECK(made->nw == 7);
  REQUIRE(made->spans.size() == 4);
  std::vector<std::uint64_t> starts;
  for (const kepub::span_start& s : made->spans) starts.push_back(s.nw);
  CHECK(starts == std::vector<std::uint64_t>{0, 3, 4, 6});
}

TEST_CASE("a stored map that is damaged is none, and never more than its bytes") {
  std::string good = small_map().pack();
  for (std::size_t n = 0; n < good.size(); ++n) CHECK_FALSE(span_map::unpack(std::string_view(good).substr(0, n)));
  CHECK_FALSE(span_map::unpack(good + "x"));
  CHECK_FALSE(span_map::unpack("\1" + good.substr(1)));  // of a version that did not count
  std::mt19937 random(1);
  for (int i = 0; i < 20'000; ++i) {
    std::string bad = good;
    bad[random() % bad.size()] = static_cast<char>(random());
    std::optional<span_map> read = span_map::unpack(bad);
    if (read) CHECK(read->documents().size() <= bad.size());
  }
  CHECK_FALSE(span_map::unpack(std::string("\1\xff\xff\xff\xff\xff\xff\xff\xff\x7f", 10)));
}
