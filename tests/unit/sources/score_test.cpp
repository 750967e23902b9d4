// metadata-providers.md 9.1.
#include "ingest/sources/score.hpp"

#include <catch2/catch.hpp>

using namespace carrel;
using namespace carrel::ingest::sources;

namespace {

local_book mine() {
  local_book b;
  b.title = "The Example";
  b.authors = {"A. Writer"};
  b.year = 2014;
  b.language = "en";
  b.page_count = 340;
  b.isbn_13 = "9780306406157";
  return b;
}

record theirs() {
  record r;
  r.title = "The Example";
  r.authors = {"A. Writer"};
  r.published_year = 2014;
  r.language = "en";
  r.page_count = 342;
  r.isbn_13 = "9780306406157";
  return r;
}

double term(const score& s, const std::string& name) {
  double out = -1;
  s.detail.find("terms")->as_object()->find(name)->as_object()->take("value", out);
  return out;
}

bool has_term(const score& s, const std::string& name) { return term(s, name) >= 0; }

std::string caps(const score& s) { return json::dump(*s.detail.find("caps")); }

double base(const score& s) {
  double out = -1;
  s.detail.take("base", out);
  return out;
}

}  // namespace

TEST_CASE("worked example 1: everything equal, with the ISBN") {
  score s = rate(mine(), theirs());
  CHECK(base(s) == Approx(0.999).margin(0.0005));
  CHECK(s.identifier == identity::same);
  CHECK(s.confidence == 1);
}

TEST_CASE("worked example 2: the same without an ISBN of our own") {
  local_book b = mine();
  b.isbn_13.clear();
  score s = rate(b, theirs());
  CHECK(s.confidence > 0.949);
  CHECK(s.confidence <= 0.9591);
}

TEST_CASE("worked example 3: the German edition is never applied") {
  local_book b = mine();
  b.isbn_13.clear();
  record r = theirs();
  r.title = "Das Beispiel";
  r.language = "de";
  score s = rate(b, r);
  CHECK(term(s, "title") < 0.65);
  CHECK(term(s, "language") == 0);
  CHECK(s.confidence <= 0.70);
}

TEST_CASE("worked example 4: a summary of the book is another book") {
  record r = theirs();
  r.title = "Summary of The Example";
  r.authors = {"QuickRead"};
  r.isbn_13.clear();
  score s = rate(mine(), r);
  CHECK(term(s, "authors") == 0);
  CHECK(s.confidence <= 0.50);
  CHECK(caps(s).find("kind") != std::string::npos);
  r.title = "The Example";
  r.page_count.reset();
  CHECK(rate(mine(), r).confidence <= 0.60);
}

TEST_CASE("terms that one side does not know are left out and the others weigh more") {
  local_book b;
  b.title = "The Example";
  b.authors = {"A. Writer"};
  record r;
  r.title = "The Example";
  score s = rate(b, r);
  CHECK(base(s) == 1);
  for (const char* absent : {"authors", "series", "year", "language", "publisher", "length"}) CHECK_FALSE(has_term(s, absent));
  CHECK(s.detail.find("terms")->as_object()->size() == 7);
  b.authors.clear();
  CHECK(term(rate(b, r), "authors") == 0.5);
  CHECK(base(rate(b, r)) == Approx((0.4 + 0.15) / 0.7).margin(0.0001));
}

TEST_CASE("the title counts with and without its subtitle") {
  local_book b = mine();
  b.title = "The Example: A Story";
  record r = theirs();
  r.subtitle = "A Story";
  CHECK(term(rate(b, r), "title") == 1);
}

TEST_CASE("authors are the mean of the best names") {
  local_book b = mine();
  b.authors = {"A. Writer", "Z. Nobody"};
  CHECK(term(rate(b, theirs()), "authors") == 0.5);
}

TEST_CASE("series: 1 with the place, a half without, 0 for another") {
  local_book b = mine();
  b.series = "The Examples";
  b.series_position = 2;
  record r = theirs();
  CHECK_FALSE(has_term(rate(b, r), "series"));
  r.series = {{"World", 2, "", {}}, {"Examples", 2, "", {}}};
  CHECK(term(rate(b, r), "series") == 1);
  r.series[1].position = 2.5;
  CHECK(term(rate(b, r), "series") == 0.5);
  r.series[1].position.reset();
  CHECK(term(rate(b, r), "series") == 0.5);
  r.series.pop_back();
  CHECK(term(rate(b, r), "series") == 0);
}

TEST_CASE("years: near, less near, a re-issue, another") {
  struct {
    int year;
    double value;
  } cases[] = {{2014, 1}, {2015, 1}, {2013, 1}, {2016, 0.5}, {2017, 0.5}, {2011, 0.5}, {2018, 0.25}, {2010, 0}, {1950, 0}};
  for (const auto& c : cases) {
    record r = theirs();
    r.published_year = c.year;
    INFO(c.year);
    CHECK(term(rate(mine(), r), "year") == c.value);
  }
}

TEST_CASE("language: the primary tag counts") {
  record r = theirs();
  r.language = "en-gb";
  CHECK(term(rate(mine(), r), "language") == 1);
  r.language = "fr";
  score s = rate(mine(), r);
  CHECK(s.confidence == 0.70);
  CHECK(caps(s) == R"(["language"])");
}

TEST_CASE("length: pages within 30 percent, sound within 5") {
  local_book b = mine();
  record r = theirs();
  b.page_count = 100;
  r.page_count = 115;
  CHECK(term(rate(b, r), "length") == Approx(0.5));
  r.page_count = 200;
  CHECK(term(rate(b, r), "length") == 0);
  b.duration_seconds = 10'000;
  CHECK_FALSE(has_term(rate(b, r), "length"));
  r.duration_seconds = 10'250;
  CHECK(term(rate(b, r), "length") == Approx(0.5));
}

TEST_CASE("a publisher is compared like a title") {
  local_book b = mine();
  b.publisher = "Some House";
  record r = theirs();
  r.publisher = "some house";
  CHECK(term(rate(b, r), "publisher") == 1);
}

TEST_CASE("an identifier is the same in its forms of ten and thirteen") {
  record r = theirs();
  r.isbn_13.clear();
  r.isbn_10 = "0306406152";
  CHECK(rate(mine(), r).identifier == identity::same);
  r.isbn_10.clear();
  r.asin = "0306406152";
  CHECK(rate(mine(), r).identifier == identity::same);
  local_book sound = mine();
  sound.asin = "B00EXAMPLE";
  r.isbn_13 = "9783161484100";
  r.asin = "B00EXAMPLE";
  CHECK(rate(sound, r).identifier == identity::same);
}

TEST_CASE("another identifier is another edition, none on one side costs less") {
  record r = theirs();
  r.isbn_13 = "9783161484100";
  score other = rate(mine(), r);
  CHECK(other.identifier == identity::different);
  CHECK(other.confidence == Approx(base(other) * 0.85 + 0.005).margin(0.0002));
  r.isbn_13.clear();
  score none = rate(mine(), r);
  CHECK(none.identifier == identity::unknown);
  CHECK(none.confidence == Approx(base(none) * 0.95 + 0.004).margin(0.0002));
  r.asin = "B00EXAMPLE";  // a number of another kind says nothing
  CHECK(rate(mine(), r).identifier == identity::unknown);
}

TEST_CASE("a recycled number on another book is worth a half at most") {
  record r = theirs();
  r.title = "Woodworking";
  r.authors = {"Z. Nobody"};
  r.published_year = 2014;
  score s = rate(mine(), r);
  CHECK(s.identifier == identity::recycled);
  CHECK(s.confidence <= 0.51);
}

TEST_CASE("a number that was found in the text of the book is trusted less") {
  local_book b = mine();
  record r = theirs();
  r.title = "An Exemplary Thing";
  double trusted = rate(b, r).confidence;
  b.identifier_trusted = false;
  score s = rate(b, r);
  CHECK(s.identifier == identity::same);
  CHECK(s.confidence < trusted);
  CHECK(s.confidence == Approx(0.70 + 0.30 * base(s) + 0.005).margin(0.0002));
}

TEST_CASE("a box set is not the book") {
  record r = theirs();
  r.subtitle = "Box Set";
  CHECK(rate(mine(), r).confidence == 0.50);
  local_book b = mine();
  b.title = "The Example Boxed Set";
  CHECK(rate(b, r).confidence > 0.50);
}

TEST_CASE("where the title is all that is known nothing is sure") {
  local_book b;
  b.title = "The Example";
  record r = theirs();
  score s = rate(b, r);
  CHECK(s.confidence <= 0.75);
  b.language = "en";
  CHECK(rate(b, r).confidence <= 0.75);
}

TEST_CASE("what says more wins a tie") {
  local_book b = mine();
  b.isbn_13.clear();
  record poor = theirs(), rich = theirs();
  rich.description = "<p>D</p>";
  rich.genres = {"G"};
  CHECK(rate(b, rich).confidence == Approx(rate(b, poor).confidence + 0.002).margin(0.00011));
}

TEST_CASE("empty sides do not divide by zero") {
  CHECK(rate({}, {}).confidence == Approx(0.475));  // unknown authors are a half
  local_book b;
  b.authors = {"A. Writer"};
  CHECK(rate(b, {}).confidence == 0);
}
