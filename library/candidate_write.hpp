#pragma once
// What a source said of a book, put where people and rules choose from it (metadata-providers.md 8). Nothing here touches books.

#include <optional>
#include <string>
#include <vector>

#include "library/book.hpp"
#include "server/core/json.hpp"
#include "server/db/tx.hpp"

namespace carrel::library {

struct found_candidate {
  std::string provider_key, query_kind;
  json::object normalized, score_detail;
  json::value raw;
  double confidence = 0;
};

// All that the source knows now. Those it named before and names no longer are superseded, unless somebody decided about them.
void store_candidates(db::tx&, const uuid& book, const std::string& source, const std::vector<found_candidate>&);

// A candidate whose picture has not been looked at to the end.
struct pictureless {
  uuid id;
  std::string provider_key;
  int tried = 0;  // addresses that were refused
  bool book_has_cover = false;
};
// The best ones of the source.
std::vector<pictureless> candidates_without_picture(db::tx&, const uuid& book, const std::string& source, double least_confidence,
                                                    int most);
void keep_candidate_picture(db::tx&, const uuid& candidate, const new_cover&, const std::string& note);
void refuse_candidate_picture(db::tx&, const uuid& candidate, int tried, const std::string& note);

}  // namespace carrel::library
