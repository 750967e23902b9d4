#pragma once
// Values as pages show them.

#include <cstdint>
#include <optional>
#include <string>

#include "library/book.hpp"
#include "server/core/clock.hpp"
#include "web/messages.hpp"
#include "web/view.hpp"

namespace carrel::web {

std::string ago(const messages&, instant);  // "3 minutes ago"
view moment(const messages&, instant);      // {iso, words, exact} for the part "time"
view moment(const messages&, const std::optional<instant>&, view& into, const std::string& name);
std::string language_name(const messages&, const std::string& tag);  // "German" for "de"; the tag where nobody knows it
std::string languages_text(const messages&, const std::vector<std::string>& tags);
std::string date_text(const messages&, const std::string& published);        // "17 November 1975", "November 1975", "1975"
std::string length_text(const messages&, std::int64_t milliseconds);         // "3 h 20 min"
std::string size_text(const messages&, std::int64_t bytes);                  // "4.2 MB"
std::string percent_text(const messages&, double fraction);                  // "41 %"
std::string format_name(const messages&, const library::book_file&);         // "EPUB", "EPUB (Kobo)"
std::string index_text(const library::book&);                                // "2", "2.5", "IV"; "" without a number in a series
std::string names_of(const messages&, const std::vector<library::person>&);  // "Ursula K. Le Guin, Ada Palmer"

// What a refused file's code means (ingest.md 22); words for codes that have none of their own.
std::string refusal_text(const messages&, const std::string& code);
// The detail of a refusal in the reader's language; names, and what is not known here, stay as they are.
std::string detail_text(const messages&, const std::string& detail);

// A book as a cover with title and author under it (part "card").
view card(const messages&, const library::book&);
std::vector<view> cards(const messages&, const std::vector<library::book>&);

}  // namespace carrel::web
