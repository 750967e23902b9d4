#pragma once
// From what sources write to what a record holds (metadata-providers.md 8). Whatever comes in, what comes out is clean, within
// limits, or absent.

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "ingest/sources/conversation.hpp"
#include "ingest/sources/reading.hpp"
#include "ingest/sources/record.hpp"

namespace carrel::ingest::sources {

std::string one_line(std::string_view, std::size_t max_bytes);  // clean_text of a text of any length

// Title and subtitle; a series tag behind the title goes to the series. Nothing changes when the title is empty.
void set_title(record&, std::string_view title, std::string_view subtitle);
// The title up to its subtitle and without series tag, as one searches for it; at most `most` bytes, cut at a word.
std::string main_title(std::string_view title, std::size_t most);

// `role` as the source calls it: none and "author" are authors, "narrator" narrators, others contributors. A role behind the name
// ("A. Writer (Translator)", "A. Writer - introduction") wins. Who is there already stays once.
void add_person(record&, std::string_view name, std::string_view role = {});
// Of one text: at ";", " & " and " and " only.
std::vector<std::string> split_names(std::string_view);

// `position` as written, "" unknown.
void add_series(record&, std::string_view name, std::string_view position, bool primary = false, std::optional<int> total = {});
void add_series_text(record&, std::string_view);  // name and position in one

void set_date(record&, std::string_view);  // published_date and published_year, or the year alone
std::optional<int> year_of(std::string_view);
std::string language_of(std::string_view);

// Of the numbers that a source gives for one edition: the one asked for when it is among them, else the first that is one.
void set_isbn(record&, const std::vector<std::string>& given, const question& asked);
std::string asin_of(std::string_view);               // "" when it is none
std::vector<std::string> isbns_of(const question&);  // of the book asked about: 13, then 10; checked

std::string description_of(std::string_view);
void add_identifier(record&, std::string_view scheme, std::string_view value);

std::optional<int> page_count_of(const node&);
std::optional<double> seconds_of(std::optional<double>);
void set_rating(record&, const node& rating, const node& count);

// An address that may be fetched or linked; "" when it is none.
std::string web_address(std::string_view);
void add_cover(record&, std::string_view url, const node& width = {},
               const node& height = {});  // the first is the one to try first

// Lists of short names, cleaned, each once.
void add_names(std::vector<std::string>& list, const std::vector<std::string>& names, std::size_t most);

bool same_text(std::string_view, std::string_view);  // folded

}  // namespace carrel::ingest::sources
