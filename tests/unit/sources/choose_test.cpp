// metadata-providers.md 9.2.
#include "ingest/sources/choose.hpp"

#include <algorithm>
#include <catch2/catch.hpp>

using namespace carrel::ingest::sources;

namespace {

record full(const std::string& text) {
  record r;
  r.provider_key = text;
  r.title = r.subtitle = r.publisher = text;
  r.authors = r.genres = r.tags = r.narrators = {text};
  r.language = "en";
  r.published_year = 2014;
  r.page_count = 342;
  r.duration_seconds = 100;
  r.series = {{text, 0, "", {}}};
  r.description = "<p>" + std::string(300, 'x') + "</p>";
  r.isbn_13 = "9780306406157";
  r.isbn_10 = "0306406152";
  return r;
}

candidate of(const std::string& source, double confidence, identity number = identity::same) {
  candidate c{source, full(source), {}};
  c.scored.confidence = confidence;
  c.scored.identifier = number;
  return c;
}

book_now untitled() { return {}; }

// Which candidate a field comes from; -1 none.
int from(const choices& c, const std::string& field) {
  for (const choice& one : c.fields) {
    if (one.field == field) return static_cast<int>(one.from);
  }
  return -1;
}

int number_from(const choices& c, const std::string& scheme) {
  for (const choice& one : c.identifiers) {
    if (one.field == scheme) return static_cast<int>(one.from);
  }
  return -1;
}

const std::vector<std::string> every_field{"title",     "subtitle",  "authors",    "languages", "series",
                                           "publisher", "published", "page_count", "genres",    "tags",
                                           "narrators", "duration",  "description"};

}  // namespace

TEST_CASE("nothing changes by itself when it is off, or a person approved the book") {
  std::vector<candidate> all{of("hardcover", 1)};
  CHECK(choose(untitled(), all, apply_mode::off).fields.empty());
  book_now approved;
  approved.approved = true;
  choices c = choose(approved, all, apply_mode::replace);
  CHECK(c.fields.empty());
  CHECK(c.identifiers.empty());
  CHECK(c.covers.empty());
}

TEST_CASE("an empty book takes every field of a sure record") {
  book_now book;
  book.audio = true;
  choices c = choose(book, {of("hardcover", 1)}, apply_mode::fill_empty);
  for (const std::string& field : every_field) {
    INFO(field);
    CHECK(from(c, field) == 0);
  }
  CHECK(c.fields.size() == every_field.size());
  CHECK(c.taken_from(0).size() == every_field.size() + 1);
  CHECK(c.taken_from(0).back() == "identifiers");
}

TEST_CASE("records below the threshold are for people") {
  for (double confidence : {0.60, 0.75, 0.8999})
    CHECK(choose(untitled(), {of("hardcover", confidence)}, apply_mode::replace).fields.empty());
  CHECK(standings({of("a", 0.90), of("b", 0.8999), of("c", 0.60), of("d", 0.5999)}, {}) ==
        std::vector<standing>{standing::automatic, standing::review, standing::review, standing::hidden});
}

TEST_CASE("a runner-up of the same source that is as sure leaves the choice to people") {
  candidate a = of("hardcover", 0.95), b = of("hardcover", 0.93);
  b.about.isbn_13 = "9783161484100";
  b.about.isbn_10.clear();
  CHECK(standings({a, b}, {}) == std::vector<standing>{standing::review, standing::review});
  b.scored.confidence = 0.92;
  CHECK(standings({a, b}, {})[0] == standing::automatic);
  CHECK(standings({a, b}, {})[1] == standing::review);
  b.scored.confidence = 0.94;
  b.source = "open_library";
  CHECK(standings({a, b}, {}) == std::vector<standing>{standing::automatic, standing::automatic});
}

TEST_CASE("a runner-up that is the same book does not matter, and is not applied itself") {
  candidate a = of("hardcover", 0.95), b = of("hardcover", 0.95);
  CHECK(standings({a, b}, {}) == std::vector<standing>{standing::automatic, standing::review});
  b.about.isbn_13 = b.about.isbn_10 = "";
  a.about.identifiers = b.about.identifiers = {{"hardcover_book", "7"}};
  CHECK(standings({b, a}, {}) == std::vector<standing>{standing::automatic, standing::review});
}

TEST_CASE("fill_empty leaves what is there, replace does not") {
  book_now book;
  book.filled = every_field;
  CHECK(choose(book, {of("hardcover", 1)}, apply_mode::fill_empty).fields.empty());
  choices c = choose(book, {of("hardcover", 1)}, apply_mode::replace);
  CHECK(from(c, "series") == 0);
  CHECK(from(c, "publisher") == 0);
  CHECK(from(c, "title") == 0);
}

TEST_CASE("a locked field is never touched, empty or not") {
  book_now book;
  book.locked = every_field;
  book.locked.push_back("identifiers");
  book.locked.push_back("cover");
  candidate a = of("hardcover", 1);
  a.about.cover = {"https://c.example", {}, 1000, 1500};
  for (apply_mode mode : {apply_mode::fill_empty, apply_mode::replace}) {
    choices c = choose(book, {a}, mode);
    CHECK(c.fields.empty());
    CHECK(c.identifiers.empty());
    CHECK(c.covers.empty());
  }
}

TEST_CASE("title and authors need more than the threshold") {
  choices c = choose(untitled(), {of("hardcover", 0.9699)}, apply_mode::replace);
  CHECK(from(c, "title") == -1);
  CHECK(from(c, "authors") == -1);
  CHECK(from(c, "genres") == 0);
  CHECK(from(choose(untitled(), {of("hardcover", 0.97)}, apply_mode::replace), "title") == 0);
}

TEST_CASE("each field has its own order of sources") {
  book_now book;
  book.audio = true;
  std::vector<candidate> all{of("open_library", 1), of("google_books", 0.99), of("audnexus", 0.98), of("hardcover", 0.97)};
  choices c = choose(book, all, apply_mode::fill_empty);
  for (const char* field : {"title", "authors", "languages", "series", "genres"}) {
    INFO(field);
    CHECK(from(c, field) == 3);
  }
  CHECK(from(c, "narrators") == 2);
  CHECK(from(c, "duration") == 2);
  CHECK(from(c, "publisher") == 0);
  all.pop_back();
  c = choose(book, all, apply_mode::fill_empty);
  CHECK(from(c, "title") == 1);
  CHECK(from(c, "genres") == 1);
  CHECK(from(c, "series") == 2);
}

TEST_CASE("sources without a place in the order come last, the surest first") {
  std::vector<candidate> all{of("custom:b", 0.97), of("custom:a", 0.99), of("open_library", 0.98)};
  CHECK(from(choose(untitled(), all, apply_mode::fill_empty), "title") == 2);
  all.pop_back();
  CHECK(from(choose(untitled(), all, apply_mode::fill_empty), "title") == 1);
}

TEST_CASE("a source that does not know a field leaves it to the next") {
  std::vector<candidate> all{of("hardcover", 1), of("google_books", 1)};
  all[0].about.genres.clear();
  CHECK(from(choose(untitled(), all, apply_mode::fill_empty), "genres") == 1);
}

TEST_CASE("what the book's own plausible file says stays under replace") {
  book_now book;
  book.filled = book.local_fields = every_field;
  book.local_confidence = 0.9;
  book.audio = true;
  choices c = choose(book, {of("google_books", 1), of("audnexus", 1)}, apply_mode::replace);
  for (const char* kept : {"title", "authors", "languages", "narrators", "duration", "series"}) {
    INFO(kept);
    CHECK(from(c, kept) == -1);
  }
  CHECK(from(c, "genres") == 0);
  CHECK(from(choose(book, {of("hardcover", 1)}, apply_mode::replace), "series") == 0);  // comes before the file
  book.local_confidence = 0.70;                                                         // no title of worth
  CHECK(from(choose(book, {of("google_books", 1)}, apply_mode::replace), "title") == 0);
}

TEST_CASE("facts of an edition come from the record with its number alone") {
  for (identity number : {identity::unknown, identity::different}) {
    choices c = choose(untitled(), {of("hardcover", 0.99, number)}, apply_mode::replace);
    for (const char* field : {"publisher", "published", "page_count"}) CHECK(from(c, field) == -1);
    CHECK(number_from(c, "isbn_13") == -1);
    CHECK(from(c, "genres") == 0);
  }
  std::vector<candidate> all{of("hardcover", 0.99, identity::unknown), of("open_library", 0.95)};
  CHECK(from(choose(untitled(), all, apply_mode::replace), "publisher") == 1);
}

TEST_CASE("length and voices are for what is listened to") {
  choices c = choose(untitled(), {of("audnexus", 1)}, apply_mode::replace);
  CHECK(from(c, "duration") == -1);
  CHECK(from(c, "narrators") == -1);
}

TEST_CASE("the description is the longest of the top two, neither a line nor a book") {
  auto with = [](const std::string& source, double confidence, std::size_t length) {
    candidate c = of(source, confidence);
    c.about.description = "<p>" + std::string(length, 'x') + "</p>";
    return c;
  };
  CHECK(from(choose(untitled(), {with("a", 0.99, 300), with("b", 0.98, 400), with("c", 0.97, 500)}, apply_mode::replace),
             "description") == 1);
  CHECK(from(choose(untitled(), {with("a", 0.99, 300), with("b", 0.98, 7000)}, apply_mode::replace), "description") == 0);
  CHECK(from(choose(untitled(), {with("a", 0.99, 199), with("b", 0.98, 6001)}, apply_mode::replace), "description") == -1);
  CHECK(from(choose(untitled(), {with("a", 0.99, 200)}, apply_mode::replace), "description") == 0);
}

TEST_CASE("an ISBN that is there stays, in both of its forms") {
  book_now book;
  book.identifiers = {{"isbn_10", "0306406152"}};
  candidate a = of("hardcover", 1);
  a.about.asin = "B00EXAMPLE";
  a.about.identifiers = {{"hardcover_book", "7"}, {"hardcover_edition", "8"}};
  choices c = choose(book, {a}, apply_mode::replace);
  CHECK(number_from(c, "isbn_13") == -1);
  CHECK(number_from(c, "isbn_10") == -1);
  CHECK(number_from(c, "asin") == 0);
  CHECK(number_from(c, "hardcover_book") == 0);
  book.identifiers.emplace_back("hardcover_book", "6");
  CHECK(number_from(choose(book, {a}, apply_mode::replace), "hardcover_book") == -1);
  CHECK(number_from(choose({}, {a}, apply_mode::fill_empty), "isbn_13") == 0);
}

TEST_CASE("a wide cover stays, a narrow one gives way to a wider") {
  auto with = [](const std::string& source, int width) {
    candidate c = of(source, 0.95);
    c.about.cover = {"https://c.example/" + source, {}, width, width * 3 / 2};
    return c;
  };
  using order = std::vector<std::size_t>;
  std::vector<candidate> all{with("a", 400), with("b", 1000), with("c", 0), with("d", 100)};
  CHECK(choose({}, all, apply_mode::fill_empty).covers == order{1, 0, 3, 2});
  book_now book;
  book.filled = {"cover"};
  book.cover_width = 500;
  CHECK(choose(book, all, apply_mode::fill_empty).covers.empty());
  CHECK(choose(book, all, apply_mode::replace).covers == order{1, 2});
  book.cover_width = 600;
  CHECK(choose(book, all, apply_mode::replace).covers.empty());
  book.cover_width = 50;
  CHECK(choose(book, {with("d", 100)}, apply_mode::replace).covers.empty());  // below the least width
}
