// Highlights by their words (kobo.md 15, rule 7).
#include <catch2/catch.hpp>

#include "locator_maker.hpp"
#include "publication/kepub/convert.hpp"
#include "publication/locator/quote.hpp"
#include "tests/harness/folder.hpp"

using namespace carrel;
using namespace carrel::publication;
using locator::found_quote;

namespace {

std::vector<std::optional<found_quote>> quotes_in(const std::vector<std::string>& documents,
                                                  const std::vector<std::string>& quotes) {
  harness::scratch_folder f;
  test::scratch source(test::epub_of(documents).bytes());
  REQUIRE(kepub::convert(source.descriptor(), "x.epub", f.path / "out", {.title_page = false}));
  test::scratch converted(harness::read_file(f.path / "out"));
  auto book = locator::book::open(converted.descriptor(), "x.epub");
  REQUIRE(book);
  return locator::find_quotes(**book, quotes);
}

// "document start+character end+character", "" for nothing.
std::string said_of(const std::optional<found_quote>& q) {
  if (!q) return {};
  return q->href.substr(q->href.rfind('/') + 1) + " " + q->first.span + "+" + std::to_string(q->first.character) + " " +
         q->last.span + "+" + std::to_string(q->last.character);
}

std::string place_of(const std::string& quote, const std::vector<std::string>& documents) {
  return said_of(quotes_in(documents, {quote})[0]);
}

const std::vector<std::string> story{test::xhtml("<p>It rained. The lamp was warm.</p><p>Nobody came.</p>"),
                                     test::xhtml("<p>Then the <b>door</b> creaked. Nobody spoke.</p>")};

}  // namespace

TEST_CASE("a passage is found in the span where it begins and the one where it ends") {
  CHECK(place_of("lamp was", story) == "ch01.xhtml kobo.1.2+4 kobo.1.2+12");
  CHECK(place_of("rained. The lamp", story) == "ch01.xhtml kobo.1.1+3 kobo.1.2+8");
  CHECK(place_of("the door creaked", story) == "ch02.xhtml kobo.1.1+5 kobo.1.3+8");
  CHECK(place_of("warm.\n\n  Nobody came", story) == "ch01.xhtml kobo.1.2+13 kobo.2.1+11");  // paragraphs in between
  std::optional<found_quote> q = quotes_in(story, {"Nobody came."})[0];
  REQUIRE(q);
  CHECK(q->progress == Approx(24.0 / 35));
}

TEST_CASE("what stands nowhere, twice, or across documents is not found") {
  CHECK(place_of("umbrella", story).empty());
  CHECK(place_of("Nobody", story).empty());                 // in both documents
  CHECK(place_of("a", story).empty());                      // and often in one
  CHECK(place_of("Nobody came. Then the", story).empty());  // a highlight ends with its document
  CHECK(place_of("", story).empty());
  CHECK(place_of(" \n\t", story).empty());
  CHECK(place_of("aa", {test::xhtml("<p>baaab</p>")}).empty());  // it overlaps itself
}

TEST_CASE("ends of passages count as those of a DOM do") {
  std::vector<std::string> documents{test::xhtml("<p>A \xF0\x9F\x8C\xA7 cloud &amp; na\xC3\xAFve rain.</p>")};
  CHECK(place_of("cloud", documents) == "ch01.xhtml kobo.1.1+5 kobo.1.1+10");  // the picture in front of it is two
  CHECK(place_of("na\xC3\xAFve", documents) == "ch01.xhtml kobo.1.1+13 kobo.1.1+18");
  CHECK(place_of("ra\xC2\xADin", documents) == "ch01.xhtml kobo.1.1+19 kobo.1.1+23");  // a soft hyphen is none of the text
}

TEST_CASE("a book without spans has no passages, and each quote has its own answer") {
  test::located plain(story);
  CHECK_FALSE(locator::find_quotes(*plain, {"lamp was"})[0]);
  std::vector<std::optional<found_quote>> all = quotes_in(story, {"spoke", "umbrella", "creaked"});
  REQUIRE(all.size() == 3);
  CHECK(said_of(all[0]) == "ch02.xhtml kobo.1.4+7 kobo.1.4+12");
  CHECK_FALSE(all[1]);
  CHECK(said_of(all[2]) == "ch02.xhtml kobo.1.3+1 kobo.1.3+8");
}
