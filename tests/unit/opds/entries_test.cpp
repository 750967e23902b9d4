#include <catch2/catch.hpp>

#include "opds/books.hpp"
#include "opds/formats.hpp"
#include "publication/open.hpp"
#include "tests/unit/opds/samples.hpp"

using namespace carrel;
using namespace carrel::opds;
using namespace carrel::opds::tests;

TEST_CASE("a series index is a decimal without trailing zeros and without an exponent") {
  CHECK(decimal(2) == "2");
  CHECK(decimal(2.5) == "2.5");
  CHECK(decimal(0) == "0");
  CHECK(decimal(100000) == "100000");
  CHECK(decimal(999999.999) == "999999.999");
}

TEST_CASE("a summary is one line of at most 1,000 characters and ends at a word") {
  CHECK(summary_of("  one\n\n two\tthree ") == "one two three");
  CHECK(summary_of("") == "");
  std::string exact(1000, 'x');
  CHECK(summary_of(exact) == exact);
  std::string words;
  for (int i = 0; i < 400; ++i) words += "word ";
  std::string cut = summary_of(words);
  CHECK(cut.ends_with("word…"));
  CHECK(count_code_points(cut) <= 1000);
  std::string han;
  for (int i = 0; i < 1500; ++i) han += "漢";
  CHECK(count_code_points(summary_of(han)) == 1000);
  CHECK(valid_utf8(summary_of(han)));
}

TEST_CASE("the year 0101 is no date") {
  http::request in;
  visit v = some_visit(in);
  library::book b = some_book(1, "Undated");
  for (const char* date : {"0101-01-01", "", "0000", "-044"}) {
    b.published_on = date;
    CHECK(partial_entry(v, b).issued == "");
  }
  b.published_on = "0850";
  CHECK(partial_entry(v, b).issued == "0850");
}

TEST_CASE("only a valid ISBN becomes an identifier, in its long form") {
  http::request in;
  visit v = some_visit(in);
  library::book b = some_book(1, "Numbered");
  b.identifiers = {{"isbn_10", "0306406152"}, {"uuid", "x"}};
  CHECK(partial_entry(v, b).identifiers == std::vector<std::string>{"urn:isbn:9780306406157"});
  b.identifiers = {{"isbn_13", "9780306406158"}};
  CHECK(partial_entry(v, b).identifiers.empty());
}

TEST_CASE("a DOI is an identifier of a complete entry, in the form in which others write it") {
  http::request in;
  visit v = some_visit(in);
  library::book b = some_book(1, "Cited");
  b.identifiers = {{"doi", "10.1000/a b(1)"}};
  CHECK(partial_entry(v, b).identifiers.empty());
  CHECK(full_entry(v, b).identifiers == std::vector<std::string>{"https://doi.org/10.1000/a%20b%281%29"});
}

TEST_CASE("KOReader gets all authors in one element and no audio") {
  http::request in;
  visit v = some_visit(in);
  library::book b = some_book(1, "Two hands");
  b.authors.push_back({numbered(40), "Tomás Quill", "Quill, Tomás", "aut"});
  b.files.push_back(file_of(41, "m4b", "Two hands.m4b"));
  CHECK(partial_entry(v, b).authors.size() == 2);
  CHECK(partial_entry(v, b).links.size() == 4);
  v.koreader = true;
  REQUIRE(partial_entry(v, b).authors.size() == 1);
  CHECK(partial_entry(v, b).authors[0].name == "Ada Fenwick, Tomás Quill");
  CHECK(partial_entry(v, b).links.size() == 3);
  b.files = {file_of(41, "m4b", "Two hands.m4b")};
  CHECK_FALSE(offered(b, library::taker::koreader));
  CHECK(offered(b, library::taker::app));
}

TEST_CASE("a KEPUB is offered only where there is no EPUB") {
  library::book b = some_book(1, "Twice");
  library::book_file kepub = file_of(50, "epub", "Twice.kepub.epub");
  kepub.is_kepub = true;
  CHECK(format_of(kepub)->type == "application/kepub+zip");
  b.files.push_back(kepub);
  http::request in;
  CHECK(partial_entry(some_visit(in), b).links.size() == 3);
  b.files.erase(b.files.begin());
  CHECK(partial_entry(some_visit(in), b).links.size() == 3);
  CHECK(partial_entry(some_visit(in), b).links[1].title == "KEPUB");
}

TEST_CASE("zipped FictionBook goes by its own type") {
  CHECK(format_of(file_of(1, "fb2", "a.fb2"))->type == "application/x-fictionbook+xml");
  CHECK(format_of(file_of(1, "fb2", "a.fbz"))->type == "application/fb2+zip");
  CHECK(format_of(file_of(1, "exe", "a.exe")) == nullptr);
}

TEST_CASE("at most eight tags in a feed, all of them in a complete entry, none without a term") {
  http::request in;
  visit v = some_visit(in);
  library::book b = some_book(1, "Tagged");
  for (int i = 0; i < 12; ++i) b.tags.push_back({numbered(60 + i), "Tag", i == 0 ? "" : "tag-" + std::to_string(i)});
  CHECK(partial_entry(v, b).categories.size() == 8);
  CHECK(full_entry(v, b).categories.size() == 12);
  CHECK(partial_entry(v, b).categories[0].term == numbered(60).text());
}

TEST_CASE("a file is for some app exactly when it has a type to be sent with") {
  for (const publication::kind& k : publication::kinds()) {
    INFO(k.format);
    bool taken = library::last_taker(k.format, false) >= library::taker::app;
    CHECK(taken == (format_of(file_of(1, k.format, "a" + std::string(k.extension))) != nullptr));
  }
  CHECK(library::last_taker("epub", false) == library::taker::koreader);
  CHECK(library::last_taker("m4b", false) == library::taker::app);
  CHECK(library::last_taker("flac", false) == library::taker::page);
}

TEST_CASE("narrators of audiobooks are in feeds, other contributors in complete entries only") {
  http::request in;
  visit v = some_visit(in);
  library::book b = some_book(1, "Two voices");
  b.contributors = {{numbered(70), "Nell Reader", "Reader, Nell", "nrt"}, {numbered(71), "Tom Turner", "Turner, Tom", "trl"}};
  CHECK(partial_entry(v, b).contributors.empty());
  CHECK(full_entry(v, b).contributors.size() == 2);
  b.files.push_back(file_of(41, "m4b", "Two voices.m4b"));
  REQUIRE(partial_entry(v, b).contributors.size() == 1);
  CHECK(partial_entry(v, b).contributors[0].name == "Nell Reader");
}

TEST_CASE("a complete entry tells how long a book is: in pages, or in time when it is only heard") {
  http::request in;
  visit v = some_visit(in);
  library::book b = some_book(1, "Long");
  CHECK(full_entry(v, b).extent.empty());
  b.files[0].duration = 30'507'000;
  CHECK(full_entry(v, b).extent == "8 h 28 min");
  b.files[0].duration = 59'000;
  CHECK(full_entry(v, b).extent == "1 min");
  b.page_count = 312;
  CHECK(full_entry(v, b).extent == "312 pages");
}

TEST_CASE("an unknown language is no language") {
  http::request in;
  library::book b = some_book(1, "Somewhere");
  b.languages = {"und", "pt-BR"};
  CHECK(partial_entry(some_visit(in), b).languages == std::vector<std::string>{"pt-BR"});
}
