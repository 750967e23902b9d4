#pragma once
// Series as sources write them into one text (metadata-providers.md 8).

#include <optional>
#include <string>
#include <string_view>

namespace carrel::ingest::sources {

struct series_text {
  std::string name;
  std::string position;  // as written, begins with a digit: "2", "1.5", "1-3"
};

// "Foo -- 2", "Foo, Book 2", "Foo #2", "Foo ; v. 2". Nothing for a name alone.
std::optional<series_text> parted_series(std::string_view);

// Takes a trailing "(Foo, #2)" off a title; what it said. Of several series within the brackets the first that has a place.
std::optional<series_text> take_series_tag(std::string& title);

// The first number of "Book 1", "2, Dramatized Adaptation", ".5".
std::optional<double> first_number(std::string_view);

}  // namespace carrel::ingest::sources
