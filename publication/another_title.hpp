#pragma once
// Whether two titles are those of two books (ingest.md 18.1).

#include <string_view>

namespace carrel::publication {

// By whole words, for short titles of different books have most of their letters in common: "Dune" and "Duel". A title with its
// subtitle, its series or a word that is spelt otherwise is the same one; another number is another book. An empty one says
// nothing.
bool is_another_title(std::string_view, std::string_view);

}  // namespace carrel::publication
