// EPUB CFIs and Readium's locators (kosync.md 11.9, opds.md 10.4).
#include <catch2/catch.hpp>

#include "locator_maker.hpp"
#include "publication/locator/cfi.hpp"

using namespace carrel;
using namespace carrel::publication;
using locator::readium_locator;
using test::located;
using test::said;
using test::xhtml;

namespace {

const std::vector<std::string> two_documents{
    xhtml("<p>first</p>"),
    xhtml("\n<p id='para'>ab<i>cd</i>ef<!-- x --><![CDATA[gh]]></p>\n<p>\xf0\x9f\x98\x80  i\u00e9</p><img id='pic' src='x'/>")};

}  // namespace

TEST_CASE("a CFI is resolved on the document as it stands") {
  located book(two_documents);
  const std::pair<const char*, const char*> rows[] = {
      {"epubcfi(/6/4!/4/2/1:0)", "1:0 exact"},
      {"epubcfi(/6/4!/4/2/1:1)", "1:1 exact"},
      {"/6/4!/4/2/2/1:1", "1:3 exact"},
      {" epubcfi(/6/4!/4/2/3:0) ", "1:4 exact"},
      {"epubcfi(/6/4!/4/2/3:3)", "1:7 exact"},  // across a comment and the edge of a section
      {"epubcfi(/6/4!/4/2/3:4)", "1:8 exact"},
      {"epubcfi(/6/4!/4/2/3:5)", "1:8 element"},
      {"epubcfi(/6/4!/4/4/1:2)", "1:9 exact"},  // a sign of two UTF-16 units
      {"epubcfi(/6/4!/4/4/1:1)", "1:8 exact"},  // in the middle of it
      {"epubcfi(/6/4!/4/4/1:5)", "1:10 exact"},
      {"epubcfi(/6/4!/4/1:0)", "1:0 exact"},
      {"epubcfi(/6/4!/4/3:1)", "1:8 exact"},
      {"epubcfi(/6/4!/4/2)", "1:0 exact"},
      {"epubcfi(/6/4!/4/6:0)", "1:11 exact"},
      {"epubcfi(/6/4!/4/6:1)", "1:11 exact"},
      {"epubcfi(/6/4!/4/6@20:30)", "1:11 exact"},
      {"epubcfi(/6/4!/4/6~2.5@20:30[a])", "1:11 exact"},
      {"epubcfi(/6/4!)", "1:0 item"},
      {"epubcfi(/6/4!/4)", "1:0 exact"},
      {"epubcfi(/6/4!/2/2)", "1:0 item"},
      {"epubcfi(/6/4!/4/20/1:3)", "1:0 element"},
      {"epubcfi(/6/4!/4/2/1:1[b,c;s=a])", "1:1 exact"},
      {"epubcfi(/6/4!/4/2/1:1[^],^^^,])", "1:1 exact"},
      // A name tells when the numbers are of another edition.
      {"epubcfi(/6/4!/4/8[para]/3:1)", "1:5 exact"},
      {"epubcfi(/6/4!/4/8[pic])", "1:11 exact"},
      {"epubcfi(/6/4!/4/2[other]/3:1)", "1:5 exact"},
      {"epubcfi(/6/2[r2]!/4/2/1:1)", "1:1 exact"},
      {"epubcfi(/6/4[nobody]!/4/2/1:1)", "1:1 exact"},
      // Of a range the start.
      {"epubcfi(/6/4!/4/2,/1:1,/3:2)", "1:1 exact"},
      {"epubcfi(/6/4!/4,/2/3:1,/4/1:2)", "1:5 exact"},
      {"epubcfi(/6,/4!/4/2/1:1,/6!/4/2)", "1:1 exact"},
      {"epubcfi(/6/4!/4/2/2!/4/2/1:3)", "1:2 element"},
      // No place in this book.
      {"epubcfi(/6/6!/4/2/1:0)", ""},
      {"epubcfi(/6/3!/4/2/1:0)", ""},
      {"epubcfi(/8/4!/4/2/1:0)", ""},
      {"epubcfi(/6!/4/2)", ""},
      {"epubcfi(/6/4)", ""},
      {"epubcfi(/6/4!/4/2/1:0", ""},
      {"epubcfi()", ""},
      {"epubcfi(/6/4!/4/2,/1:1)", ""},
      {"epubcfi(/6/4!/x)", ""},
      {"epubcfi(/6/4!/4[abc)", ""},
      {"epubcfi(/6/4!/4[abc^)", ""},
      {"epubcfi(/6/4!/4:)", ""},
      {"", ""},
      {"/body/DocFragment[1]/body", ""},
  };
  for (const auto& [text, expected] : rows) {
    INFO(text);
    CHECK(said(book->from_cfi(text)) == expected);
  }
}

TEST_CASE("a CFI is written with the numbers of the package and the units of the text") {
  located book(two_documents);
  CHECK(book->to_cfi(*book->at(0, 2)) == "epubcfi(/6/2!/4/2/1:2)");
  CHECK(book->to_cfi(*book->at(1, 3)) == "epubcfi(/6/4!/4/2/2/1:1)");
  CHECK(book->to_cfi(*book->at(1, 7)) == "epubcfi(/6/4!/4/2/3:3)");
  CHECK(book->to_cfi(*book->at(1, 9)) == "epubcfi(/6/4!/4/4/1:4)");
  CHECK(book->to_cfi(*book->at(1, 99)) == "epubcfi(/6/4!/4/4/1:6)");
  CHECK_FALSE(book->to_cfi({.spine_index = 9, .href = "x"}));
  CHECK(located(std::vector{xhtml("<img src='x'/>")})->to_cfi({.spine_index = 0, .href = ""}) == "epubcfi(/6/2!/4)");
}

TEST_CASE("the spine's real place in the package counts, and the usual one is understood") {
  test::epub e = test::epub_of({xhtml("<p>one</p>"), xhtml("<p>two</p>")});
  e.metadata += "</metadata><collection/><metadata>";
  e.spine = "<!-- x --><itemref idref='nobody'/>" + e.spine;
  located book(e);
  CHECK(book->to_cfi(*book->at(1, 1)) == "epubcfi(/10/6!/4/2/1:1)");
  CHECK(said(book->from_cfi("epubcfi(/10/6!/4/2/1:1)")) == "1:1 exact");
  CHECK(said(book->from_cfi("epubcfi(/6/6!/4/2/1:1)")) == "1:1 exact");
  CHECK(said(book->from_cfi("epubcfi(/10/2!/4/2/1:1)")) == "");
}

TEST_CASE("a locator is found by its text, else by its fractions") {
  std::string words = "<p>It was a dark night. Nobody came along the road.</p><p>It was a dark night. Somebody sang.</p>";
  located book(std::vector{xhtml("<p>" + std::string(100, 'x') + "</p>"), xhtml(words)});
  std::string second = "OEBPS/ch02.xhtml";
  readium_locator l{.href = second, .progression = 0.9, .before = "It was a", .highlight = "dark", .after = " night."};
  CHECK(said(book->from_readium(l)) == "1:45 exact");
  l.progression = 0.1;
  CHECK(said(book->from_readium(l)) == "1:6 exact");
  l = {.href = second, .progression = 0.5, .before = "entirely other words", .highlight = "Somebody  sang."};
  CHECK(said(book->from_readium(l)) == "1:55 element");
  l = {.href = second, .progression = 0.5, .before = "It", .after = "was"};  // too little to be a context
  CHECK(said(book->from_readium(l)) == "1:34 item");
  l = {.href = "/OEBPS/ch02%2Exhtml#frag", .progression = 0.5};
  CHECK(said(book->from_readium(l)) == "1:34 item");
  l = {.href = second, .total_progression = 0.25};
  CHECK(said(book->from_readium(l)) == "0:42 fraction");
  CHECK(book->from_readium(l)->total_fraction == Approx(0.25));
  l = {.href = "elsewhere.xhtml", .progression = 0.5, .total_progression = 1};
  CHECK(said(book->from_readium(l)) == "1:68 fraction");
  CHECK(said(book->from_readium({.href = second})) == "1:0 item");
  CHECK_FALSE(book->from_readium({.href = "elsewhere.xhtml", .progression = 0.5}));
}

TEST_CASE("the fragment of a locator's href is a place when nothing says more") {
  located book(std::vector{xhtml("<p>one</p><p id='p2'>two</p>")});
  CHECK(said(book->from_readium({.href = "OEBPS/ch01.xhtml#p2", .total_progression = 0.9})) == "0:3 element");
  CHECK(said(book->from_readium({.href = "OEBPS/ch01.xhtml#p3", .total_progression = 0.9})) == "0:5 fraction");
  CHECK(said(book->from_readium({.href = "OEBPS/ch01.xhtml#p2", .progression = 0.9})) == "0:5 item");
}

TEST_CASE("a locator that was written leads back") {
  located book(std::vector{xhtml("<p>one two three four five</p>"), xhtml("<p>six seven eight\n   nine ten eleven twelve</p>")});
  for (std::uint64_t nw = 0; nw <= 32; ++nw) {
    std::optional<readium_locator> l = book->to_readium(*book->at(1, nw));
    REQUIRE(l);
    CHECK(l->href == "OEBPS/ch02.xhtml");
    CHECK(said(book->from_readium(*l)) == "1:" + std::to_string(nw) + " exact");
  }
  std::optional<readium_locator> l = book->to_readium(*book->at(1, 17));
  CHECK(l->before == "six seven eight nine");
  CHECK(l->after == "ten eleven twelve");
  CHECK(*l->progression == Approx(17.0 / 32));
}
