#pragma once
// Pairs of books that may be one, as pages, errata and the API show them.

#include <optional>
#include <string>
#include <vector>

#include "library/book.hpp"
#include "library/duplicate.hpp"
#include "library/merge.hpp"

namespace carrel::web {

struct possible_duplicate {
  library::duplicate_pair pair;
  library::book book, other;  // `book` came later
  // What fits best (ingest.md 7.3): format, when the later one has a format that the other lacks; replace, when it is the same
  // text in other bytes of the same format; else merge.
  std::string offer;
};

struct possible_duplicates {
  std::vector<possible_duplicate> pairs;
  bool more = false;
};
possible_duplicates load_duplicates(db::tx&, const uuid& viewer, bool similar,
                                    const std::optional<library::duplicate_pair>& after, int most);
// Those that one book belongs to.
std::vector<possible_duplicate> load_duplicates_of(db::tx&, const uuid& viewer, const uuid& book);

// Any two books the viewer sees, whether they were found alike or not; the one that came later first.
std::optional<possible_duplicate> compare_books(db::tx&, const uuid& viewer, const uuid& a, const uuid& b);

}  // namespace carrel::web
