#pragma once
// What a reader is at, and what comes next (opds.md 12.3).

#include <vector>

#include "library/catalog.hpp"

namespace carrel::library {

inline constexpr int most_continued = 200, most_on_deck = 100;

// Begun and neither finished nor given up, whichever device or word said so; the one that was last in hand first.
std::vector<book_stamp> continue_reading(db::tx&, const uuid& viewer, taker, int most = most_continued);

// Of every series of which they finished a book and are reading none, the next one that they have not read; the series that they
// read last first.
std::vector<book_stamp> on_deck(db::tx&, const uuid& viewer, taker, int most = most_on_deck);

}  // namespace carrel::library
