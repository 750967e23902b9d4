#pragma once
// Fields of a book as they are typed behind a command.

#include <CLI/CLI.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "server/commands/command.hpp"
#include "server/core/json.hpp"

namespace carrel::commands {

constexpr const char* fields_help =
    "Fields: title, subtitle, title_sort, authors, series, languages, identifiers, description, publisher, published,\n"
    "genres, tags, page_count, age_rating. Lists are separated by ';', a series is \"Name #2\".";

bool is_list_field(std::string_view field);
std::vector<std::string> list_given(const std::string& text);  // without blank entries
// As the API has it; an empty text is nothing. Throws stop.
json::value value_given(const std::string& field, const std::string& text);

// `carrel book edit`, in a file of its own.
void describe_book_edit(CLI::App& book, invocation&);

}  // namespace carrel::commands
