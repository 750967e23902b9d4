#pragma once
// Books as entries (opds.md 5.6, 5.7). Internal to opds.

#include "library/book.hpp"
#include "library/offer.hpp"
#include "library/streamed.hpp"
#include "opds/visit.hpp"

namespace carrel::opds {

// Whether the book can be offered at all: an entry without an acquisition link is no book to an app. Lists hold no others.
bool offered(const library::book&, library::taker);

// With the link to its pages, when there is one.
book_entry partial_entry(const visit&, const library::book&, const std::optional<library::page_stream>& = std::nullopt);
book_entry full_entry(const visit&, const library::book&, const std::optional<library::page_stream>& = std::nullopt);

// The description without line ends, at most 1,000 characters, cut at a word.
std::string summary_of(std::string_view description_text);
// 2, 2.5; never an exponent.
std::string decimal(double);

}  // namespace carrel::opds
