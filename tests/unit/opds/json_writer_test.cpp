#include "opds/json_writer.hpp"

#include <catch2/catch.hpp>

#include "opds/books.hpp"
#include "opds/pages.hpp"
#include "opds/writing.hpp"
#include "tests/unit/opds/checks.hpp"
#include "tests/unit/opds/samples.hpp"

using namespace carrel;
using namespace carrel::opds;
using namespace carrel::opds::tests;

namespace {

visit json_visit(const http::request& in) {
  visit v = some_visit(in);
  v.at = v.at.in(form::json);
  return v;
}

feed some_feed(const visit& v, const std::vector<library::book>& books) {
  neighbours none;
  spot s{.kind = kind::acquisition, .title = "Recently added", .at = {"/new", {}}, .up = place{}};
  feed f = begin_feed(v, s, {}, &none);
  for (const library::book& b : books) f.books.push_back(std::make_shared<const entry_text>(written(v, partial_entry(v, b))));
  return f;
}

library::book full_book() {
  library::book b = some_book(1, "The <Lighthouse> \"Ledger\"\x01\n& more");
  b.subtitle = "A subtitle";
  b.title_sort = "Lighthouse Ledger, The";
  b.contributors = {{numbered(5), "Tom Turner", "Turner, Tom", "trl"}, {numbered(9), "Who Ever", "", "xyz"}};
  b.publisher = "Harbour & Sons";
  b.published_on = "2019-03";
  b.languages = {"en", "pt-BR", "und"};
  b.series = "Harbour Lights";
  b.series_id = numbered(6);
  b.series_index = 2.5;
  b.tags.push_back({numbered(7), "Sea & \"Salt\"", "sea-salt"});
  b.identifiers = {{"isbn_13", "9780306406157"}};
  b.description = "<p>Salt &amp; cedar</p>";
  b.description_text = "Salt & cedar";
  b.page_count = 312;
  library::cover_ref cover;
  cover.sha256 = std::string(64, 'a');
  cover.width = 1000;
  cover.height = 1500;
  b.cover = cover;
  return b;
}

json::object read(const std::string& text) {
  result<json::object> o = json::read_object(text);
  INFO(text);
  REQUIRE(o);
  return *o;
}

const json::object& inner(const json::object& o, std::string_view name) {
  REQUIRE(o.find(name));
  REQUIRE(o.find(name)->as_object());
  return *o.find(name)->as_object();
}

std::string text_of(const json::object& o, std::string_view name) {
  const json::value* v = o.find(name);
  return v && v->as_text() ? *v->as_text() : "";
}

}  // namespace

TEST_CASE("a publication tells what a book is and leaves out what is not known") {
  http::request in;
  visit v = json_visit(in);
  std::string text = written(v, partial_entry(v, full_book())).text;
  json::object about = inner(read(text), "metadata");
  CHECK(text_of(about, "@type") == "http://schema.org/Book");
  CHECK(text_of(about, "title") == "The <Lighthouse> \"Ledger\" & more");
  CHECK(text_of(about, "sortAs") == "Lighthouse Ledger, The");
  CHECK(text_of(about, "published") == "2019-03-01");
  CHECK(text_of(about, "description") == "Salt & cedar");
  CHECK(json::dump(*about.find("language")) == R"(["en","pt-BR"])");
  CHECK(json::dump(*about.find("numberOfPages")) == "312");
  CHECK(text.find(R"("altIdentifier":["urn:isbn:9780306406157"])") != std::string::npos);
  CHECK(text.find(
            R"("series":{"name":"Harbour Lights","position":2.5,"links":[{"href":"https://books.example.net/opds/v2/series/)") !=
        std::string::npos);
  CHECK(text.find(R"("rel":"self","href":"https://books.example.net/opds/v2/books/)") != std::string::npos);
  CHECK(text.find(R"("authenticate":{"href":"https://books.example.net/opds/auth.json")") != std::string::npos);
  // The small picture first, each as large as it is sent.
  std::size_t small = text.find(R"("width":200,"height":300)"), large = text.find(R"("width":1000,"height":1500)");
  CHECK(small < large);
  CHECK(large != std::string::npos);

  library::book bare = some_book(2, "");
  bare.authors.clear();
  std::string plain = written(v, partial_entry(v, bare)).text;
  for (const char* absent : {"null", "\"\"", "[]", "images", "author", "language", "published", "belongsTo", "subject"}) {
    INFO(absent);
    CHECK(plain.find(absent) == std::string::npos);
  }
  CHECK(refused_json("publication", {text, plain}) == "");
}

TEST_CASE("people stand under what they did, and the full publication shows all of them") {
  http::request in;
  visit v = json_visit(in);
  complete_entry e{full_entry(v, full_book()), {}, v.at.tag_scheme()};
  json::object about = inner(read(written(v, e)), "metadata");
  CHECK(json::dump(*about.find("translator")) == R"([{"name":"Tom Turner"}])");
  CHECK(json::dump(*about.find("contributor")) == R"([{"name":"Who Ever"}])");
  CHECK(written(v, e).find(R"("rel":"alternate","href":"https://books.example.net/opds/books/)") != std::string::npos);
  CHECK(refused_json("publication", {written(v, e)}) == "");
}

TEST_CASE("sound has its length in seconds, and page streaming is not told") {
  http::request in;
  visit v = json_visit(in);
  library::book b = some_book(1, "Heard");
  b.files = {file_of(3, "m4b", "Heard.m4b")};
  b.files[0].duration = 30'529'125;
  book_entry e = partial_entry(v, b);
  opds::link stream;
  stream.rel = "http://vaemendis.net/opds-pse/stream";
  stream.href = "https://books.example.net/opds/pse/1/{pageNumber}";
  stream.type = "image/jpeg";
  e.links.push_back(stream);
  std::string text = written(v, e).text;
  CHECK(text.find(R"("@type":"http://schema.org/Audiobook")") != std::string::npos);
  CHECK(text.find(R"("duration":30529.125)") != std::string::npos);
  CHECK(text.find("pse") == std::string::npos);
  CHECK(refused_json("publication", {text}) == "");
}

TEST_CASE("a publication leads to its file, then to what reads it online, then to the place in it") {
  http::request in;
  visit v = json_visit(in);
  auto kinds = [](const std::string& publication) {
    std::string out;
    json::object all = read(publication);
    for (const json::value& l : *all.find("links")->as_array()) {
      std::string type = text_of(*l.as_object(), "type");
      out += type.substr(type.find('/') + 1) + " ";
    }
    return out;
  };
  const std::string places = "opds-progression+json vnd.readium.progression+json ";
  std::string file = "opds-publication+json epub+zip ";
  CHECK(kinds(written(v, partial_entry(v, some_book(1, "Off"))).text) == file + places);
  v.manifests = true;
  CHECK(kinds(written(v, partial_entry(v, some_book(1, "On"))).text) == file + "webpub+json " + places);
  complete_entry whole{full_entry(v, some_book(1, "On")), {}, v.at.tag_scheme()};
  CHECK(kinds(written(v, whole)).starts_with(file + "webpub+json " + places + "opds+json "));
  CHECK(refused_json("publication", {written(v, whole)}) == "");

  library::book locked = some_book(1, "Locked"), heard = some_book(2, "Heard"), plain = some_book(3, "Plain");
  locked.files[0].drm = "adobe";
  heard.files = {file_of(3, "m4b", "Heard.m4b")};
  plain.files = {file_of(3, "txt", "Plain.txt")};
  CHECK(kinds(written(v, partial_entry(v, locked)).text) == file + places);
  CHECK(kinds(written(v, partial_entry(v, plain)).text) == "opds-publication+json plain " + places);
  CHECK(kinds(written(v, partial_entry(v, heard)).text).find("audiobook") == std::string::npos);  // of unknown length
  heard.files[0].duration = 1000;
  CHECK(kinds(written(v, partial_entry(v, heard)).text) == "opds-publication+json mp4 audiobook+json " + places);

  // It takes every acquisition for a file; and Atom has no word for manifests.
  v.koreader = true;
  CHECK(kinds(written(v, partial_entry(v, some_book(1, "KOReader"))).text) == file + places);
  v.koreader = false;
  v.at = v.at.in(form::atom);
  CHECK(written(v, partial_entry(v, some_book(1, "Atom"))).text.find("webpub") == std::string::npos);
}

TEST_CASE("recordings of one format are parts of one length") {
  http::request in;
  visit v = json_visit(in);
  library::book b = some_book(1, "Parts");
  b.files = {file_of(3, "mp3", "1.mp3"), file_of(4, "mp3", "2.mp3"), file_of(5, "m4b", "All.m4b")};
  b.files[0].duration = 1'500;
  b.files[1].duration = 2'000;
  b.files[2].duration = 3'400;
  CHECK(written(v, partial_entry(v, b)).text.find(R"("duration":3.5})") != std::string::npos);
}

TEST_CASE("a feed that holds nothing has an empty list of groups") {
  http::request in;
  visit v = json_visit(in);
  std::string empty = written(v, some_feed(v, {}));
  CHECK(empty.ends_with(R"(,"groups":[]})"));
  std::string one = written(v, some_feed(v, {full_book()}));
  CHECK(one.find("groups") == std::string::npos);
  CHECK(one.find(R"("rel":"search","href":"https://books.example.net/opds/v2/search{?query,title,author}")") !=
        std::string::npos);
  CHECK(one.find(R"("templated":true)") != std::string::npos);
  CHECK(refused_json("feed", {empty, one}) == "");
}

TEST_CASE("facets are groups, and the choice in force is the list itself") {
  http::request in;
  visit v = json_visit(in);
  feed f = some_feed(v, {full_book()});
  for (const char* title : {"All languages", "French"}) {
    opds::link l;
    l.rel = "http://opds-spec.org/facet";
    l.href = v.at.feed({"/new", {}});
    l.type = v.at.type(kind::acquisition);
    l.title = title;
    l.facet_group = "Language";
    l.active = l.title == "French";
    f.links.push_back(l);
  }
  std::string text = written(v, f);
  CHECK(text.find(R"("facets":[{"metadata":{"title":"Language"},"links":[{"href":)") != std::string::npos);
  CHECK(text.find(
            R"({"rel":"self","href":"https://books.example.net/opds/v2/new","type":"application/opds+json","title":"French"})") !=
        std::string::npos);
  CHECK(refused_json("feed", {text}) == "");
}

TEST_CASE("the root shows the beginnings of lists, whose first link is the list") {
  http::request in;
  visit v = json_visit(in);
  feed f = begin_feed(v, {.kind = kind::navigation, .title = "Carrel", .at = {"", {}}, .up = std::nullopt}, {});
  f.sections.push_back(line_to(v, "Authors", "Browse by author", {"/authors", {}}, kind::navigation));
  group g{.title = "Recently added", .to = {}, .total = 7, .books = some_feed(v, {full_book()}).books};
  g.to.href = v.at.feed({"/new", {}});
  g.to.type = v.at.type(kind::acquisition);
  f.groups.push_back(g);
  std::string text = written(v, f);
  CHECK(text.find(R"("groups":[{"metadata":{"title":"Recently added","numberOfItems":7},"links":[{"rel":"self","href":)") !=
        std::string::npos);
  CHECK(text.find(R"("navigation":[{"rel":"subsection","href":"https://books.example.net/opds/v2/authors",)") !=
        std::string::npos);
  CHECK(refused_json("feed", {text}) == "");
}
