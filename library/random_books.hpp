#pragma once
// Books in no order (opds.md 12.6): every book has a number that was drawn when it came in; a walk begins anywhere, goes round
// and ends where it began.

#include <optional>
#include <vector>

#include "library/catalog.hpp"

namespace carrel::library {

struct random_walk {
  double pivot = 0;      // where it began
  double at = 0;         // the last book's number, of a page that goes on
  uuid id{};             // and its id; nil at the beginning
  bool wrapped = false;  // past the end of all numbers
};

struct random_page {
  std::vector<book_stamp> books;
  std::optional<random_walk> next;
};
random_page random_books(db::tx&, const uuid& viewer, const random_walk&, taker, int limit);

std::string to_key(const random_walk&);
std::optional<random_walk> random_walk_from(const std::string& key, const uuid& id);  // nothing for what is no such key

}  // namespace carrel::library
