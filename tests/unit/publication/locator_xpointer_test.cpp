// KOReader's XPointers, read and written (kosync.md 11.1 to 11.3, 11.5).
#include <catch2/catch.hpp>

#include "locator_maker.hpp"

using namespace carrel;
using namespace carrel::publication;
using locator::parse_xpointer;
using locator::pointer_form;
using locator::quality;
using locator::xpointer;
using test::located;
using test::said;
using test::xhtml;

namespace {

// Where a pointer leads in a book of one document; `tail` is what stands behind /body/DocFragment[1]/body.
std::string at(const std::string& body, const std::string& tail) {
  return said(located(std::vector{xhtml(body)})->from_xpointer("/body/DocFragment[1]/body" + tail));
}

// What is written for an offset of a book of one document, without /body/DocFragment[1]/body in front.
std::string written(const std::string& body, std::uint64_t nw, pointer_form form = pointer_form::text) {
  located book(std::vector{xhtml(body)});
  auto out = book->to_xpointer(*book->at(0, nw), form);
  if (!out) return "nothing";
  constexpr std::string_view start = "/body/DocFragment[1]/body";
  CHECK(out->text.starts_with(start));
  return out->text.substr(start.size());
}

}  // namespace

TEST_CASE("every form of a pointer that devices write is read") {
  located book(
      std::vector{xhtml("<p>One</p>"), xhtml("<p>Aa</p><p>Bb</p><p>Cc <i>dd</i> eeee</p><section><h2>F<br/>g</h2></section>"
                                             "<p id='here'>Hh</p>")});
  std::string second = "/body/DocFragment[2]";
  const std::pair<std::string, const char*> rows[] = {
      {second + "/body/p[3]/text().0", "1:4 exact"},
      {second + "/body/p[3]/text()[2].3", "1:10 exact"},
      {second + "/body/section/h2/br.0", "1:13 exact"},
      {second, "1:0 exact"},
      {second + ".0", "1:0 exact"},
      {second + "/body", "1:0 exact"},
      {"/body/DocFragment/body/p.0", "0:0 exact"},
      {"/body[1]/DocFragment[2]/body[1]/p[3]/text()[1].1", "1:5 exact"},
      {"#_doc_fragment_1_ here", "1:14 exact"},
      {"#_doc_fragment_1_", "1:0 exact"},
      {"#_doc_fragment_1_ ", "1:0 exact"},
      {"#_doc_fragment_1_ nowhere", "1:0 item"},
      {second + "/body/p[0]/text()[0].1", "1:1 exact"},
      {"  " + second + "/body/p[2].0\n", "1:2 exact"},
      {second + "/body/H:P[2]/text().1", "1:3 exact"},
      {second + "/body/2.0", "1:2 exact"},
      {second + "/body/3/2/text().1", "1:7 exact"},
      {second + "/body/3/3.2", "1:9 exact"},
      // In the boxes of old layouts indexes may count otherwise, so the place is not certain.
      {second + "/body/autoBoxing[2]/p[2]/text().1", "1:3 element"},
      {second + "/body/floatBox/inlineBox/rubyBox/mathBox/tabularBox/p[2].0", "1:2 element"},
      // Beyond what is there.
      {second + "/body/p[3]/text()[2].999", "1:12 element"},
      {second + "/body/p[3]/text()[2].99999999999999999999999", "1:12 element"},
      {second + "/body/p[3]/text()[3].0", "1:4 element"},
      {second + "/body/p[9]/text().0", "1:0 item"},
      {second + "/body/p[3]/b/text().1", "1:4 element"},
      {second + "/body/p[3].2", "1:8 exact"},
      {second + "/body/p[3].9", "1:12 element"},
      {second + "/stylesheet/text().0", "1:0 item"},
      {second + "/body/p[99999999999999999999999999]/text().0", "1:0 item"},
      // No place in this book.
      {"/body/DocFragment[3]/body/p.0", ""},
      {"/body/DocFragment[99999999999999999999]/body", ""},
      {"#_doc_fragment_2_ here", ""},
      {"/FictionBook/body/section[3]/p[5]/text().10", ""},
      {"/html/body/div[2]/p[7]/text().0", ""},
      {"57", ""},
  };
  for (const auto& [pointer, expected] : rows) {
    INFO(pointer);
    CHECK(said(book->from_xpointer(pointer)) == expected);
  }
}

TEST_CASE("pointers of other formats are told apart, and what is none is nothing") {
  auto kind = [](std::string_view s) { return parse_xpointer(s)->what; };
  CHECK(kind("/FictionBook/body/section[3]/p[5]/text().10") == xpointer::kind::fiction_book);
  CHECK(kind("/html/body/div[2]/p[7]/text().0") == xpointer::kind::html);
  CHECK(kind("57") == xpointer::kind::page);
  CHECK(parse_xpointer("57")->document == 57);
  CHECK(parse_xpointer("/html/body/div[2]/p[7]/text().0")->steps.size() == 5);
  for (const char* garbage : {"",
                              " ",
                              "/",
                              "//",
                              "0",
                              "-1",
                              "1.5",
                              "p",
                              "body/DocFragment[1]/body",
                              "/body",
                              "/body.0",
                              "/body/",
                              "/body/p[3].0",
                              "/body[2]/DocFragment[1]/body",
                              "/body/DocFragment[x]/body",
                              "/body/DocFragment[-1]/body",
                              "/body/DocFragment[1",
                              "[",
                              "/body/DocFragment[]/body",
                              "/body/DocFragment[1]/body//p",
                              "/body/DocFragment[1]/body/p[1]x",
                              "/body/DocFragment[1]/",
                              "#",
                              "#_doc_fragment_",
                              "#_doc_fragment_x_ a",
                              "#_doc_fragment_1",
                              "#_doc_fragment_1_a",
                              "#kobo.1.1",
                              "epubcfi(/6/4!/4)",
                              "/body/DocFragment[1]/body/p q",
                              "\xff\xfe",
                              "/text()",
                              "Chapter 7"}) {
    INFO(garbage);
    CHECK_FALSE(parse_xpointer(garbage));
  }
  CHECK_FALSE(parse_xpointer("/body/DocFragment[1]/body" + std::string(20'000, 'p')));
}

TEST_CASE("runs of blanks are one, no-break spaces are text") {
  std::string body = "<p>  a \t\n b\u00a0\u00a0c </p>";
  CHECK(at(body, "/p/text().0") == "0:0 exact");
  CHECK(at(body, "/p/text().1") == "0:0 exact");
  CHECK(at(body, "/p/text().2") == "0:1 exact");
  CHECK(at(body, "/p/text().3") == "0:1 exact");
  CHECK(at(body, "/p/text().4") == "0:2 exact");
  CHECK(at(body, "/p/text().6") == "0:2 exact");
  CHECK(at(body, "/p/text().7") == "0:3 exact");
  CHECK(at(body, "/p/text().8") == "0:3 exact");
  CHECK(at(body, "/p/text().9") == "0:3 element");
  CHECK(written(body, 1) == "/p/text().3");
  CHECK(written(body, 2) == "/p/text().6");
  CHECK(written(body, 3) == "/p/text().7");  // behind the last one
  CHECK(at("<pre>a  b\n c</pre>", "/pre/text().6") == "0:2 exact");
  CHECK(at("<p>\u00a0</p><p>a</p>", "/p/text().1") == "0:0 exact");
}

TEST_CASE("blank texts at the start of a block or beside one are no nodes, those between words are") {
  std::string body = "\n<div>\n <p>\n<b>x</b> <i>y</i>z</p>\n <p>w</p>\n v\n</div>\n";
  CHECK(at(body, "/div/p[1]/text()[1].1") == "0:1 exact");
  CHECK(at(body, "/div/p[1]/text()[2].0") == "0:2 exact");
  CHECK(at(body, "/div/text().1") == "0:4 exact");
  CHECK(at(body, "/div/text()[2].0") == "0:0 element");
  // Which of them KOReader counts is not known for certain, so a block is named.
  CHECK(written(body, 2) == "/div/p[1]");
  CHECK(written(body, 1) == "/div/p[1]/i/text().0");
  CHECK(written(body, 4) == "/div/p[2]");
}

TEST_CASE("entities, sections and signs beyond the first plane count as characters") {
  std::string body = "<p>a&amp;&#x1F600;&eacute;\u00f6b</p><p><![CDATA[c<d]]></p>";
  CHECK(at(body, "/p[1]/text().3") == "0:3 exact");
  CHECK(written(body, 4) == "/p[1]/text().4");
  CHECK(written(body, 5) == "/p[1]/text().5");
  CHECK(at(body, "/p[2]/text().2") == "0:8 exact");
}

TEST_CASE("a comment, an instruction and a section divide text, so no number of a text is given beside them") {
  for (const char* mark : {"<!-- c -->", "<?php x?>", "<![CDATA[dd]]>"}) {
    INFO(mark);
    std::string body = "<p>aaa" + std::string(mark) + "bbb</p><p>ccc</p>";
    CHECK(at(body, "/p[1]/text()[2].1") == "0:4 exact");
    CHECK(written(body, 1) == "/p[1]");
  }
  CHECK(written("<p><!-- c -->aaa<i>b</i></p>", 1) == "/p/text().1");
}

TEST_CASE("rubies, tables and nested marks have their own texts") {
  std::string ruby = "<p><ruby>\u6f22<rp>(</rp><rt>kan</rt><rp>)</rp>\u5b57<rt>ji</rt></ruby>x</p>";
  CHECK(written(ruby, 3) == "/p/ruby/rt[1]/text().1");
  CHECK(at(ruby, "/p/ruby/text()[2].0") == "0:6 exact");
  CHECK(at(ruby, "/p/ruby/rubyBox/text()[2].0") == "0:6 element");
  std::string table = "<table><tbody><tr><td>a</td><td>b</td></tr><tr><td><p>c</p></td></tr></tbody></table>";
  CHECK(written(table, 1) == "/table/tbody/tr[1]/td[2]/text().0");
  CHECK(written(table, 2, pointer_form::block) == "/table/tbody/tr[2]/td/p");
  CHECK(at(table, "/table/tabularBox/tbody/tr[2]/td/p/text().0") == "0:2 element");
  CHECK(written("<p>a<span>b<em>c<b>d</b></em></span></p>", 3) == "/p/span/em/b/text().0");
}

TEST_CASE("script and style are no text but elements") {
  std::string body = "<script>var x</script><div>a</div><style>b</style><div>c</div>";
  CHECK(written(body, 1) == "/div[2]/text().0");
  CHECK(at(body, "/style/text().1") == "0:1 element");
  CHECK(at(body, "/4.0") == "0:1 exact");
}

TEST_CASE("prefixes and capitals of a document do not matter") {
  std::string prefixed =
      "<h:html xmlns:h='http://www.w3.org/1999/xhtml'><h:head/><h:body><h:p>a</h:p><h:p>bc</h:p></h:body></h:html>";
  std::string shouted = "<HTML><BODY><P>a</P><P>bc</P></BODY></HTML>";
  for (const std::string& document : {prefixed, shouted}) {
    located book(std::vector{document});
    CHECK(said(book->from_xpointer("/body/DocFragment[1]/body/p[2]/text().1")) == "0:2 exact");
    CHECK(book->to_xpointer(*book->at(0, 2))->text == "/body/DocFragment[1]/body/p[2]/text().1");
  }
}

TEST_CASE("documents that only HTML's parser reads have places, too") {
  located book(
      std::vector<std::string>{"<html><body><p>a<br>b<p>c &nbsp; d<img src=x><p>e</body>",
                               "<html xmlns='http://www.w3.org/1999/xhtml'><body><p>a</p></body><body><p>b</p></body></html>"});
  CHECK(said(book->from_xpointer("/body/DocFragment[1]/body/p[2]/text().4")) == "0:3 exact");
  CHECK(book->to_xpointer(*book->at(0, 1))->text == "/body/DocFragment[1]/body/p[1]/text()[2].0");
  CHECK(book->lengths().documents()[1].nw == 2);
  CHECK(said(book->from_xpointer("/body/DocFragment[2]/body/p[2]/text().0")) == "1:1 exact");
}

TEST_CASE("encodings that are named or guessed give the same places") {
  std::string plain = "<html xmlns='http://www.w3.org/1999/xhtml'><body><p>\u00e4\u00f6 x</p></body></html>", wide = "\xff\xfe";
  for (char32_t c : std::u32string(U"<html xmlns='http://www.w3.org/1999/xhtml'><body><p>\u00e4\u00f6 x</p></body></html>")) {
    wide += static_cast<char>(c & 0xff);
    wide += static_cast<char>(c >> 8);
  }
  for (const std::string& document :
       {plain, wide, std::string("<?xml version='1.0' encoding='iso-8859-1'?><html><body><p>\xe4\xf6 x</p></body></html>"),
        std::string("<html><body><p>\xe4 \xf6x and much more of plain text</p></body></html>")}) {
    located book(std::vector{document});
    CHECK(said(book->from_xpointer("/body/DocFragment[1]/body/p/text().3")) == "0:2 exact");
  }
}

TEST_CASE("a block is the last that begins in front of the place") {
  std::string body = "<section><h1>Aa</h1>bb<div><p>cc</p></div>dd<ul><li>ee</li></ul></section><figure/><span>ff</span>";
  auto block = [&](std::uint64_t nw) { return written(body, nw, pointer_form::block); };
  CHECK(block(0) == "/section/h1");
  CHECK(block(3) == "/section/h1");
  CHECK(block(4) == "/section/div/p");
  CHECK(block(7) == "/section/div/p");
  CHECK(block(9) == "/section/ul/li");
  CHECK(block(10) == "/figure");
  CHECK(written("<span>ab</span>", 1, pointer_form::block) == "");
  CHECK(written("<span>ab</span>", 1) == "/span/text().1");
  CHECK(written("<p>ab</p>", 1, pointer_form::start) == "");
  CHECK(written("", 0) == "");
  CHECK(written("<p></p><img src='x'/>", 0) == "/p");
}

TEST_CASE("a path of more than 16 levels is that of a block around it") {
  std::string open, close;
  for (int i = 0; i < 20; ++i) {
    open += "<div>";
    close += "</div>";
  }
  std::string body = "<p>a</p>" + open + "deep" + close;
  std::string path = written(body, 3);
  CHECK(std::count(path.begin(), path.end(), '/') == 13);  // three more levels are in front
  CHECK(path.ends_with("/div"));
  CHECK(at(body, path) == "0:1 exact");
}

TEST_CASE("no pointer is given out that KOReader would read otherwise") {
  CHECK(written("<a.1><p>b</p></a.1>", 0) == "");
  CHECK(written("<p>a</p><autoBoxing><p>b</p></autoBoxing>", 1) == "");
  CHECK(written("<p>a</p><x-y_z><p>b</p></x-y_z>", 1) == "/x-y_z/p/text().0");
}

TEST_CASE("a text that KOReader stores in pieces, and preformatted text, are told by their block") {
  std::string words;
  for (int i = 0; i < 2000; ++i) words += "abcd ";
  CHECK(written("<p>x</p><p>" + words + "</p>", 4000) == "/p[2]");
  CHECK(written("<p>x</p><p>" + words.substr(0, 8190) + "</p>", 5) == "/p[2]/text().5");
  CHECK(written("<p>x</p><pre>a  b</pre>", 2) == "/pre");
}

TEST_CASE("items without a file take a number, and old books counted XHTML only") {
  test::epub e = test::epub_of({xhtml("<p>one</p>"), xhtml("<p>two</p><p>more</p>")});
  e.manifest +=
      "<item id='gone' href='gone.xhtml' media-type='application/xhtml+xml'/>"
      "<item id='pic' href='pic.svg' media-type='image/svg+xml'/>";
  e.spine = "<itemref idref='gone'/><itemref idref='nobody'/><itemref idref='c1'/><itemref idref='pic'/><itemref idref='c2'/>";
  e.more.push_back({.name = "OEBPS/pic.svg", .data = "<svg xmlns='http://www.w3.org/2000/svg'><text>t</text></svg>"});
  located book(e);
  CHECK(book->size() == 4);
  CHECK(book->path(0) == "OEBPS/gone.xhtml");
  CHECK(said(book->from_xpointer("/body/DocFragment[1]/body")) == "");
  CHECK(said(book->from_xpointer("/body/DocFragment[2]/body/p/text().1")) == "1:1 exact");
  CHECK(said(book->from_xpointer("/body/DocFragment[4]/body/p[2]/text().1")) == "3:4 exact");
  // The third of those that are XHTML, in a book that KOReader opened long ago.
  CHECK(said(book->from_xpointer("/body/DocFragment[3]/body/p[2]/text().1")) == "3:4 exact");
  CHECK_FALSE(book->from_xpointer("/body/DocFragment[3]/body/p[7]/text().1"));
  CHECK_FALSE(book->to_xpointer({.spine_index = 0, .href = "OEBPS/gone.xhtml"}));
  CHECK_FALSE(book->to_xpointer({.spine_index = 1, .href = "OEBPS/elsewhere.xhtml"}));
  CHECK(book->to_xpointer({.spine_index = 0, .href = "OEBPS/ch02.xhtml", .nw_offset = 3})->text ==
        "/body/DocFragment[4]/body/p[2]/text().0");
  CHECK(book->to_xpointer({.spine_index = 1, .href = "", .nw_offset = 1})->text == "/body/DocFragment[2]/body/p/text().1");
}

TEST_CASE("only books of documents are opened") {
  auto code = [](const std::string& bytes, const std::string& name) {
    test::scratch file(bytes);
    auto found = locator::book::open(file.descriptor(), name);
    return found ? std::string() : found.error().code;
  };
  CHECK(code("nothing", "x.epub") != "");
  CHECK(code(test::make_zip({{.name = "1.png", .data = test::make_png(2, 2)}}), "x.cbz") == "unsupported_type");
  test::epub locked;
  locked.more.push_back({.name = "META-INF/encryption.xml",
                         .data = "<encryption xmlns='urn:oasis:names:tc:opendocument:xmlns:container' "
                                 "xmlns:e='http://www.w3.org/2001/04/xmlenc#'><e:EncryptedData><e:EncryptionMethod "
                                 "Algorithm='http://www.w3.org/2001/04/xmlenc#aes128-cbc'/><e:CipherData><e:CipherReference "
                                 "URI='OEBPS/ch01.xhtml'/></e:CipherData></e:EncryptedData></encryption>"});
  CHECK(code(locked.bytes(), "x.epub") == "drm_protected");
}
