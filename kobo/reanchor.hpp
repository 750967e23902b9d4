#pragma once
// Highlights of a book whose file becomes another one (kobo.md 15, rule 7).

#include "publication/kepub/span_map.hpp"
#include "server/core/uuid.hpp"
#include "server/db/tx.hpp"

namespace carrel::kobo {

// All readers' highlights of the book at the same places in the other conversion; what cannot be found there stays as it was
// sent. How many moved.
int reanchor_annotations(db::tx&, const uuid& book, const publication::kepub::span_map& from,
                         const publication::kepub::span_map& to);

}  // namespace carrel::kobo
