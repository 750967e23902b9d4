#pragma once
// Highlights of a book whose file becomes another one (kobo.md 15, rule 7).

#include <string>
#include <unordered_map>
#include <vector>

#include "publication/kepub/span_map.hpp"
#include "publication/locator/quote.hpp"
#include "server/core/uuid.hpp"
#include "server/db/tx.hpp"

namespace carrel::kobo {

// What readers marked in the book, by the ids of the annotations; the latest, where it is very much.
struct marked_words {
  std::vector<uuid> annotations;
  std::vector<std::string> quotes;
};
marked_words marked_in(db::tx&, const uuid& book);
// Where they stand in the other file, as far as that is certain.
struct found_mark {
  std::string quote;
  publication::locator::found_quote at;
};
using found_words = std::unordered_map<uuid, found_mark>;

// All readers' highlights of the book in the other conversion: where their words stand there, else at the same places; what
// cannot be found there stays as it was sent. How many moved.
int reanchor_annotations(db::tx&, const uuid& book, const publication::kepub::span_map& from,
                         const publication::kepub::span_map& to, const found_words&);

}  // namespace carrel::kobo
