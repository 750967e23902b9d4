#include "opds/atom_writer.hpp"

#include <pugixml.hpp>

#include "opds/lists.hpp"
#include "tests/unit/opds/checks.hpp"
#include "tests/unit/opds/samples.hpp"

using namespace carrel;
using namespace carrel::opds;
using namespace carrel::opds::tests;

namespace {

feed feed_with(const visit& v, std::vector<library::book> books) {
  spot s{.kind = kind::acquisition, .title = "Recently added", .at = {"/new", {}}, .up = place{}};
  neighbours none;
  feed f = begin_feed(v, s, {}, &none);
  for (const library::book& b : books) {
    entry_text written = atom_entry(partial_entry(v, b), f.tag_scheme);
    f.books.push_back(std::make_shared<const entry_text>(std::move(written)));
  }
  return f;
}

pugi::xml_document parsed(const std::string& text) {
  pugi::xml_document doc;
  pugi::xml_parse_result ok = doc.load_buffer(text.data(), text.size());
  INFO(text);
  REQUIRE(ok);
  return doc;
}

library::book hostile() {
  library::book b = some_book(1, "<b>&amp; ]]> \"quoted\"\x01\x0b line\nbreak\ttab\xEF\xBF\xBF");
  b.authors[0].name = "A & B <script>";
  b.contributors.push_back({numbered(5), "T & T", "", "trl"});
  b.publisher = "Harbour & Sons";
  b.published_on = "2019-03";
  b.languages = {"en", "pt-BR"};
  b.series = "Lights & <Towers>";
  b.series_id = numbered(6);
  b.series_index = 2.5;
  b.tags.push_back({numbered(7), "Sea & \"Salt\"", "sea-salt"});
  b.tags.push_back({numbered(8), "\xF0\x9F\x90\x99", ""});
  b.identifiers = {{"isbn_13", "9780306406157"}, {"doi", "10.1000/a b&c"}};
  b.description = "<p>Salt &amp; cedar &lt;3</p>";
  b.description_text = "Salt & cedar <3";
  b.page_count = 312;
  library::cover_ref cover;
  cover.sha256 = std::string(64, 'a');
  b.cover = cover;
  return b;
}

}  // namespace

TEST_CASE("hostile text is escaped once and forbidden characters are dropped") {
  http::request in;
  visit v = some_visit(in);
  std::string text = atom(feed_with(v, {hostile()}));
  pugi::xml_document doc = parsed(text);
  pugi::xml_node entry = doc.child("feed").child("entry");
  CHECK(std::string(entry.child_value("title")) == "<b>&amp; ]]> \"quoted\" line break tab");
  CHECK(std::string(entry.child("author").child_value("name")) == "A & B <script>");
  CHECK(std::string(entry.child_value("summary")) == "Salt & cedar <3");
  CHECK(std::string(entry.child("category").attribute("label").value()) == "Sea & \"Salt\"");
  CHECK(text.find("&amp;amp; ]]&gt;") != std::string::npos);
  CHECK(text.find("<![CDATA") == std::string::npos);
  CHECK(text.find("<!--") == std::string::npos);
  CHECK(refused({text}) == "");
}

TEST_CASE("the content of a complete entry is HTML escaped once") {
  http::request in;
  visit v = some_visit(in);
  library::book b = hostile();
  complete_entry e{
      full_entry(v, b), {"urn:uuid:" + instance.text(), "All books", at(1777885953), v.publisher()}, v.at.tag_scheme()};
  std::string text = atom(e);
  CHECK(text.find("<content type=\"html\">&lt;p&gt;Salt &amp;amp; cedar &amp;lt;3&lt;/p&gt;</content>") != std::string::npos);
  pugi::xml_document doc = parsed(text);
  CHECK(std::string(doc.child("entry").child_value("content")) == b.description);
  CHECK(std::string(doc.child("entry").child("schema:Series").attribute("schema:position").value()) == "2.5");
  CHECK_FALSE(doc.child("entry").child("source"));
  CHECK(refused({text}) == "");
}

TEST_CASE("a complete entry without an author names its list instead") {
  http::request in;
  visit v = some_visit(in);
  library::book b = some_book(1, "Beowulf");
  b.authors.clear();
  complete_entry e{
      full_entry(v, b), {"urn:uuid:" + instance.text(), "All books", at(1777885953), v.publisher()}, v.at.tag_scheme()};
  std::string text = atom(e);
  pugi::xml_document doc = parsed(text);
  CHECK(std::string(doc.child("entry").child("source").child("author").child_value("name")) == "Carrel");
  CHECK_FALSE(doc.child("entry").child("author"));
  std::string partial = atom(feed_with(v, {b}));
  CHECK_FALSE(parsed(partial).child("feed").child("entry").child("author"));
  CHECK(refused({text, partial}) == "");
}

TEST_CASE("exactly the prefixes that occur are declared") {
  http::request in;
  visit v = some_visit(in);
  std::string plain = atom(feed_with(v, {some_book(1, "Plain")}));
  CHECK(plain.find("xmlns=\"http://www.w3.org/2005/Atom\"") != std::string::npos);
  for (const char* prefix : {"xmlns:dc=", "xmlns:calibre=", "xmlns:opds=", "xmlns:thr=", "xmlns:schema="})
    CHECK(plain.find(prefix) == std::string::npos);
  CHECK(plain.find("xmlns:opensearch=") != std::string::npos);

  library::book b = some_book(1, "In a series");
  b.languages = {"en"};
  b.series = "Harbour Lights";
  std::string more = atom(feed_with(v, {b}));
  for (const char* prefix : {"xmlns:dc=", "xmlns:calibre="}) CHECK(more.find(prefix) != std::string::npos);
  CHECK(more.find("xmlns:schema=") == std::string::npos);
}

TEST_CASE("feed links come in their order, the description document before the template") {
  http::request in;
  visit v = some_visit(in);
  spot s{.kind = kind::acquisition, .title = "Recently added", .at = {"/new", {}}, .up = place{}};
  neighbours around{.previous = "PREV", .next = "NEXT"};
  feed f = begin_feed(v, s, {{"after", "HERE"}}, &around);
  std::string order;
  for (const opds::link& l : f.links) order += l.rel + " ";
  CHECK(order == "self start up first previous next last search search ");
  CHECK(f.links[0].href == "https://books.example.net/opds/new?after=HERE");
  CHECK(f.links[4].href == "https://books.example.net/opds/new?before=PREV");
  CHECK(f.links[5].href == "https://books.example.net/opds/new?after=NEXT");
  CHECK(f.links[6].href == "https://books.example.net/opds/new?pos=end");
  CHECK(f.links[7].type == "application/opensearchdescription+xml");
  CHECK(f.links[8].type == "application/atom+xml");
  CHECK(f.links[8].href.ends_with("/opds/search?q={searchTerms}"));
  CHECK(f.id == "urn:uuid:" + uuid::of_name(instance, "/opds/new").text());

  v.koreader = true;
  feed slim = begin_feed(v, s, {}, &around);
  CHECK(slim.links.back().href.ends_with("{searchTerms}"));
  CHECK(slim.links[slim.links.size() - 2].rel == "last");
}

TEST_CASE("entry links: details, cover, thumbnail, then the files, best first") {
  http::request in;
  visit v = some_visit(in);
  library::book b = hostile();
  b.files.push_back(file_of(9, "pdf", "A book.pdf"));
  b.files.push_back(file_of(10, "xyz", "A book.xyz"));
  std::string order;
  book_entry e = partial_entry(v, b);
  for (const opds::link& l : e.links) order += l.rel.substr(l.rel.find_last_of('/') + 1) + " ";
  CHECK(order == "alternate image thumbnail acquisition acquisition progression ");
  CHECK(e.links[3].type == "application/epub+zip");
  CHECK(e.links[3].length == 1003);
  CHECK(e.links[3].href == "https://books.example.net/opds/dl/" + numbered(3).text() + "/A%20book%20-%20Ada%20Fenwick.epub");
  CHECK(e.links[4].title == "PDF");
}
