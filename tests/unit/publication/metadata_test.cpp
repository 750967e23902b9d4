#include <algorithm>
#include <catch2/catch.hpp>

#include "epub_maker.hpp"
#include "publication/sidecar.hpp"
#include "publication/transport.hpp"

using namespace carrel;
using namespace carrel::publication;
using test::epub;

namespace {

opened with(const std::string& metadata, const std::string& package_attributes = "version='3.0'") {
  epub e;
  e.metadata = metadata;
  e.package_attributes = package_attributes;
  return test::open_good(e);
}

std::string identifier(const opened& o, const std::string& scheme) {
  auto found =
      std::find_if(o.about.identifiers.begin(), o.about.identifiers.end(), [&](const auto& i) { return i.first == scheme; });
  return found == o.about.identifiers.end() ? "" : found->second;
}

const std::string author = "<dc:creator>Ada Lark</dc:creator>";
const std::string title = "<dc:title>T</dc:title>";

}  // namespace

TEST_CASE("the main title wins, subtitle and sort title are found") {
  opened o = with(
      "<dc:title id='s'>Sub</dc:title><meta refines='#s' property='title-type'>subtitle</meta><dc:title id='t'> The  Main "
      "</dc:title>"
      "<meta refines='#t' property='title-type'>main</meta><meta refines='#t' property='file-as'>Main, The!</meta>" +
      author);
  CHECK(o.about.title == "The Main");
  CHECK(o.about.subtitle == "Sub");
  CHECK(o.about.title_sort == "Main, The!");
  CHECK(with("<dc:title> </dc:title><dc:title>Second</dc:title>" + author).about.title == "Second");
  CHECK(with(title + "<meta name='calibre:title_sort' content='Z'/>" + author).about.title_sort == "Z");
  CHECK(with("<dc:title opf:file-as='Y'>X</dc:title>" + author).about.title_sort == "Y");
  CHECK(with("<dc:title>Der Fluss</dc:title><dc:language>de</dc:language>" + author).about.title_sort == "Fluss, Der");
  CHECK(with(title + author + "<meta name='calibre:user_metadata:#subtitle' content='{\"#value#\":\"From column\"}'/>")
            .about.subtitle == "From column");
}

TEST_CASE("authors are chosen by role and ordered by display-seq") {
  opened o =
      with(title +
           "<dc:creator id='a'>Second One</dc:creator><meta refines='#a' property='role'>aut</meta><meta refines='#a' "
           "property='display-seq'>2</meta>"
           "<dc:creator id='b'>First One</dc:creator><meta refines='#b' property='role'>aut</meta><meta refines='#b' "
           "property='display-seq'>1</meta>"
           "<meta refines='#b' property='file-as'>Custom Sort</meta>"
           "<dc:creator id='c' opf:role='ill'>Draws Well</dc:creator><dc:contributor opf:role='trl'>Turns Words</dc:contributor>"
           "<dc:contributor opf:role='bkp'>calibre</dc:contributor>");
  CHECK(o.about.authors == std::vector<person>{{"First One", "Custom Sort", "aut"}, {"Second One", "One, Second", "aut"}});
  CHECK(o.about.contributors ==
        std::vector<person>{{"Draws Well", "Well, Draws", "ill"}, {"Turns Words", "Words, Turns", "trl"}});

  CHECK(
      with(title + "<dc:creator opf:role='trl'>Turns Words</dc:creator><dc:creator>No Role</dc:creator>").about.authors[0].name ==
      "No Role");
  CHECK(
      with(title + "<dc:creator opf:role='edt'>Ed Hale</dc:creator><dc:creator opf:role='ill'>I L</dc:creator>").about.authors ==
      std::vector<person>{{"Ed Hale", "Hale, Ed", "edt"}});
  CHECK(with(title + "<dc:creator opf:role='ill'>Only Pictures</dc:creator>").about.authors[0].role == "ill");
}

TEST_CASE("names of people are put right") {
  auto name = [](const std::string& creator) {
    opened o = with(title + "<dc:creator>" + creator + "</dc:creator>");
    std::string out;
    for (const person& p : o.about.authors) out += (out.empty() ? "" : "|") + p.name + "=" + p.sort;
    return out;
  };
  CHECK(name("Lark, Ada") == "Ada Lark=Lark, Ada");
  CHECK(name("Le Guin, Ursula K.") == "Ursula K. Le Guin=Le Guin, Ursula K.");
  CHECK(name("Ada Lark (Author)") == "Ada Lark=Lark, Ada");
  CHECK(name("Ada Lark &amp; Ben Hale") == "Ada Lark=Lark, Ada|Ben Hale=Hale, Ben");
  CHECK(name("Ada Lark; Ben Hale and Cid Moss") == "Ada Lark=Lark, Ada|Ben Hale=Hale, Ben|Cid Moss=Moss, Cid");
  CHECK(name("Harbour &amp; Pine") == "Harbour & Pine=Pine, Harbour &");  // one word each: not two people
  CHECK(name("Salt &amp;&amp; Pepper Books") == "Salt & Pepper Books=Books, Salt & Pepper");
  CHECK(name("King, Jr.") == "King, Jr.=King, Jr.");
  CHECK(name("Unknown").empty());
  CHECK(name("N/A").empty());
  CHECK(name("Anonymous") == "Anonymous=Anonymous");
  CHECK(with(title + "<dc:language>hu</dc:language><dc:creator>Jókai Mór</dc:creator>").about.authors[0].sort == "Jókai Mór");
}

TEST_CASE("series of EPUB 3 and of calibre") {
  auto series = [](const std::string& m) {
    opened o = with(title + author + m);
    return o.about.series + "|" + o.about.series_index_text + "|" +
           (o.about.series_index ? std::to_string(*o.about.series_index).substr(0, 4) : "none");
  };
  const std::string epub3 =
      "<meta property='belongs-to-collection' id='s'>Lanterns</meta><meta refines='#s' property='collection-type'>series</meta>"
      "<meta refines='#s' property='group-position'>1.5</meta>";
  CHECK(series(epub3) == "Lanterns|1.5|1.50");
  CHECK(
      series(
          "<meta property='belongs-to-collection' id='s'>Shelf</meta><meta refines='#s' property='collection-type'>set</meta>") ==
      "||none");
  CHECK(series("<meta property='belongs-to-collection'>Untyped</meta>") == "Untyped||none");
  CHECK(series("<meta property='belongs-to-collection'>Untyped</meta>" + epub3) == "Lanterns|1.5|1.50");
  CHECK(series("<meta name='calibre:series' content='Cal'/><meta name='calibre:series_index' content='3'/>") == "Cal|3|3.00");
  CHECK(series(epub3 + "<meta name='calibre:series' content='Cal'/><meta name='calibre:series_index' content='4'/>") ==
        "Cal|4|4.00");
  CHECK(series("<meta name='calibre:series' content='Cal'/><meta name='calibre:series_index' content='2.2.1'/>") ==
        "Cal|2.2.1|2.20");
  CHECK(series("<meta name='calibre:series' content='Cal'/><meta name='calibre:series_index' content='two'/>") == "Cal|two|none");
  CHECK(series("<meta name='calibre:series' content='Cal'/><meta name='calibre:series_index' content='20190101'/>") ==
        "Cal|20190101|none");
  CHECK(series("<meta name='calibre:series' content='Cal'/>") == "Cal||none");
}

TEST_CASE("dates, languages, publisher") {
  opened o = with(title + author +
                  "<dc:date opf:event='modification'>2024-01-01</dc:date><dc:date>0101-01-01T00:00:00+00:00</dc:date>"
                  "<dc:date opf:event='publication'>1999-05</dc:date><dc:language>eng</dc:language><dc:language>und</dc:language>"
                  "<dc:language>de_AT</dc:language><dc:publisher> Harbour &amp; Pine </dc:publisher>");
  CHECK(o.about.published_on == "1999-05");
  CHECK(o.about.languages == std::vector<std::string>{"en", "de-AT"});
  CHECK(o.about.publisher == "Harbour & Pine");
  CHECK(o.warnings.empty());
  CHECK(test::codes(with(title + author + "<dc:date>soon</dc:date><dc:language>xx-invalid-y</dc:language>")) ==
        "metadata_invalid_value metadata_invalid_value");
}

TEST_CASE("subjects are split as 9.3 says") {
  auto subjects = [](const std::string& m) { return with(title + author + m).about.subjects; };
  using list = std::vector<std::string>;
  CHECK(subjects("<dc:subject>A; B</dc:subject><dc:subject>C, D</dc:subject>") == list{"A", "B", "C, D"});
  CHECK(subjects("<dc:subject>Fiction, Science Fiction, Long Ago</dc:subject>") ==
        list{"Fiction", "Science Fiction", "Long Ago"});
  CHECK(subjects("<dc:subject>One, a part of more than four words</dc:subject>") == list{"One, a part of more than four words"});
  CHECK(subjects("<dc:subject>FIC022000</dc:subject><dc:subject>Mystery</dc:subject><dc:subject>mystery</dc:subject>") ==
        list{"Mystery"});
  CHECK(subjects("<dc:subject>FIC022000</dc:subject>") == list{"FIC022000"});
}

TEST_CASE("identifiers of 9.4") {
  opened o = with(
      title + author +
      "<dc:identifier>urn:uuid:619699CF-e198-4ad9-b06c-144a025b413f</dc:identifier><dc:identifier>urn:isbn:0-306-40615-2</"
      "dc:identifier>"
      "<dc:identifier opf:scheme='GOODREADS'>123</dc:identifier><dc:identifier opf:scheme='MOBI-ASIN'>B00ABCDEFG</dc:identifier>"
      "<dc:identifier>google:abcDEF</dc:identifier><dc:identifier>doi:10.1000/x</dc:identifier>"
      "<dc:identifier>https://example.org/book</dc:identifier><dc:source>urn:isbn:9780804429573</dc:source>");
  CHECK(identifier(o, "uuid") == "619699cf-e198-4ad9-b06c-144a025b413f");
  CHECK(identifier(o, "isbn_13") == "9780306406157");
  CHECK(identifier(o, "isbn_10") == "0306406152");
  CHECK(identifier(o, "goodreads") == "123");
  CHECK(identifier(o, "asin") == "B00ABCDEFG");
  CHECK(identifier(o, "google") == "abcDEF");
  CHECK(identifier(o, "doi") == "10.1000/x");
  CHECK(identifier(o, "url") == "https://example.org/book");
  CHECK(identifier(o, "print_isbn") == "9780804429573");

  o = with(title + author +
           "<dc:identifier id='n'>9780306406157</dc:identifier><meta refines='#n' property='identifier-type' "
           "scheme='onix:codelist5'>15</meta>");
  CHECK(identifier(o, "isbn_13") == "9780306406157");
  CHECK(identifier(with(title + author + "<dc:identifier>978-0-306-40615-7</dc:identifier>"), "isbn_13") == "9780306406157");
  o = with(title + author +
           "<dc:identifier opf:scheme='ISBN'>9780306406158</dc:identifier>"
           "<dc:identifier opf:scheme='ASIN'>619699cf-e198-4ad9-b06c-144a025b413f</dc:identifier>");
  CHECK(o.about.identifiers.empty());
  CHECK(test::codes(o) == "metadata_invalid_value");
}

TEST_CASE("reading direction and rating") {
  epub e;
  CHECK(test::open_good(e).about.reading == direction::unknown);
  e.metadata += "<meta name='primary-writing-mode' content='horizontal-rl'/><meta name='calibre:rating' content='8'/>";
  opened o = test::open_good(e);
  CHECK(o.about.reading == direction::rtl);
  CHECK(o.about.rating == 4.0);
  auto parts = e.parts();
  std::string& opf = parts[2].data;
  opf.replace(opf.find("<spine>"), 7, "<spine page-progression-direction='ltr'>");
  CHECK(test::open_bytes(test::make_zip(parts))->about.reading == direction::ltr);
}

TEST_CASE("descriptions are sanitised") {
  opened o =
      with(title + author +
           "<dc:description> </dc:description><dc:description>&lt;p onclick='a()'&gt;Hello&lt;script&gt;alert(1)&lt;/script&gt; "
           "&lt;a href='javascript:b()'&gt;x&lt;/a&gt;&lt;/p&gt;</dc:description>");
  CHECK(o.about.description_html == "<p>Hello x</p>");
  CHECK(o.about.description_text == "Hello x");
  CHECK(o.warnings.empty());
}

TEST_CASE("long values are cut with a warning") {
  opened o = with("<dc:title>" + std::string(100'000, 'x') + "</dc:title>" + author);
  CHECK(o.about.title.size() == 1000);
  CHECK(test::codes(o) == "metadata_truncated");
  std::string many;
  for (int i = 0; i < 20'000; ++i) many += "<dc:subject>s" + std::to_string(i) + "</dc:subject>";
  o = with(title + author + many);
  CHECK(o.about.subjects.size() == 500);
  CHECK(test::codes(o) == "metadata_truncated");
}

TEST_CASE("old and odd package documents are understood") {
  auto m = read_metadata_opf(
      "<package><metadata><dc-metadata xmlns:DC='http://purl.org/dc/elements/1.0/'><DC:Title>Old</DC:Title>"
      "<DC:Creator role='aut'>Ada Lark</DC:Creator></dc-metadata><x-metadata><meta name='calibre:series' "
      "content='S'/></x-metadata>"
      "</metadata></package>");
  REQUIRE(m);
  CHECK(m->about.title == "Old");
  CHECK(m->about.authors.at(0).name == "Ada Lark");
  CHECK(m->about.series == "S");
  m = read_metadata_opf(
      "<o:package xmlns:o='http://www.idpf.org/2007/opf' "
      "xmlns:d='http://purl.org/dc/elements/1.1/'><o:metadata><d:title>Prefixed</d:title>"
      "</o:metadata></o:package>");
  REQUIRE(m);
  CHECK(m->about.title == "Prefixed");
  m = read_metadata_opf("<package><metadata><dc:title>Unbound</dc:title></metadata></package>");
  REQUIRE(m);
  CHECK(m->about.title == "Unbound");
  CHECK(m->warnings.empty());
  CHECK_FALSE(read_metadata_opf("nothing"));
}

TEST_CASE("what no field holds is kept beside: rights, source, identifiers without a name, columns of Calibre") {
  auto fact = [](const opened& o, const std::string& key) {
    for (const auto& [k, value] : o.about.facts) {
      if (k == key) return value;
    }
    return std::string("(none)");
  };
  opened o = with(
      title + author +
      "<dc:rights>Public domain in the USA.</dc:rights><dc:source>https://www.gutenberg.org/files/46</dc:source>"
      "<dc:identifier>urn:isbn:9780306406157</dc:identifier><dc:identifier>978-0-306-40615-7</dc:identifier>"
      "<dc:identifier>no scheme 17</dc:identifier><dc:identifier>no scheme 17</dc:identifier>"
      "<dc:identifier>urn:isbn:9780804429573</dc:identifier>"
      "<meta name='calibre:user_metadata:#words' content='{\"#value#\": 81234}'/>"
      "<meta name='calibre:user_metadata:#read' content='{\"#value#\": true}'/>"
      "<meta name='calibre:user_metadata:#cycle' content='{\"#value#\": \"Coast\", \"#extra#\": 2.5}'/>"
      "<meta name='calibre:user_metadata:#narrators' content='{\"#value#\": [\"Bo Finch\", \"Cy Wren\"]}'/>"
      "<meta name='calibre:user_metadata:#genre' content='{\"#value#\": [\"Fantasy\", \"fantasy\"]}'/>"
      "<meta name='calibre:user_metadata:#empty' content='{\"#value#\": null}'/>"
      "<meta property='calibre:user_metadata'>{\"#shelf\": {\"#value#\": [\"A\", \"B\"]}, \"#words\": {\"#value#\": 1}}</meta>");
  CHECK(fact(o, "rights") == "Public domain in the USA.");
  CHECK(fact(o, "source") == "https://www.gutenberg.org/files/46");
  CHECK(fact(o, "other_identifiers") == "no scheme 17\nurn:isbn:9780804429573");
  CHECK(fact(o, "column_words") == "81234");
  CHECK(fact(o, "column_read") == "true");
  CHECK(fact(o, "column_cycle") == "Coast [2.5]");
  CHECK(fact(o, "column_shelf") == "A, B");
  CHECK(fact(o, "column_empty") == "(none)");
  CHECK(fact(o, "column_genre") == "(none)");
  CHECK(o.about.genres == std::vector<std::string>{"Fantasy"});
  REQUIRE(o.about.contributors.size() == 2);
  CHECK(o.about.contributors[1] == person{"Cy Wren", "Wren, Cy", "nrt"});
  CHECK(from_json(to_json(o)).ok());
}

TEST_CASE("an OPF with more columns and identifiers than any library has is cut, not refused") {
  std::string many;
  for (int i = 0; i < 2000; ++i) {
    std::string n = std::to_string(i);
    many += "<dc:identifier>nothing " + n + "</dc:identifier><meta name='calibre:user_metadata:#c" + n +
            "' content='{\"#value#\": \"" + std::string(5000, 'x') + "\"}'/>";
  }
  many += "<meta name='calibre:user_metadata:#Bad Label' content='{\"#value#\": 1}'/><meta name='calibre:user_metadata:#" +
          std::string(500, 'l') + "' content='{\"#value#\": 1}'/><meta name='calibre:user_metadata:#n' content='[1'/>";
  opened o = with(title + author + many);
  CHECK(o.about.facts.size() == 101);
  CHECK(from_json(to_json(o)).ok());
}
