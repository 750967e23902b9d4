#include "ingest/sources/series_text.hpp"

#include <catch2/catch.hpp>

using namespace carrel::ingest::sources;

TEST_CASE("series and place are told apart in the forms that sources use") {
  struct {
    const char *text, *name, *position;
  } cases[] = {{"Foo -- 2", "Foo", "2"},      {"Foo, Book 2", "Foo", "2"},        {"Foo #2", "Foo", "2"},
               {"Foo, #1.5", "Foo", "1.5"},   {"Foo ; v. 3", "Foo", "3"},         {"Foo ;, bk. 4", "Foo", "4"},
               {"Foo ; 5", "Foo", "5"},       {"Foo, Vol.6", "Foo", "6"},         {"Die Foo, Band 7", "Die Foo", "7"},
               {"Foo -- Book 8", "Foo", "8"}, {"Foo Bar #1-3", "Foo Bar", "1-3"}, {"Foo -- no. 9", "Foo", "9"}};
  for (const auto& c : cases) {
    INFO(c.text);
    std::optional<series_text> found = parted_series(c.text);
    REQUIRE(found);
    CHECK(found->name == c.name);
    CHECK(found->position == c.position);
  }
  for (const char* none :
       {"", "Foo", "Foo 2", "#2", "Book 2", "The Book of 2 Foos", "Volume", "Foo --", "Foo # two", "Notebook 3"})
    CHECK_FALSE(parted_series(none));
  CHECK_FALSE(parted_series(std::string(100'000, 'x') + " #2"));
}

TEST_CASE("of several series within the brackets the first that has a place counts") {
  std::string title = "The Example (Foo; Bar, #2; Baz, #3)";
  std::optional<series_text> found = take_series_tag(title);
  REQUIRE(found);
  CHECK(found->name == "Bar");
  CHECK(title == "The Example");
}

TEST_CASE("the first number of a dirty place counts") {
  CHECK(first_number("Book 1") == 1.0);
  CHECK(first_number("2, Dramatized Adaptation") == 2.0);
  CHECK(first_number("1.5") == 1.5);
  CHECK(first_number(".5") == 0.5);
  CHECK(first_number("1-3") == 1.0);
  CHECK(first_number("0") == 0.0);
  CHECK(first_number("3.") == 3.0);
  CHECK_FALSE(first_number("two"));
  CHECK_FALSE(first_number(""));
  CHECK_FALSE(first_number("."));
  CHECK_FALSE(first_number("20240101"));
  CHECK_FALSE(first_number(std::string(500, '9')));
}
