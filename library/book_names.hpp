#pragma once
// One row stands for all spellings of a person's or a series' name. Internal to library/.

#include "library/book_parts.hpp"
#include "server/db/tx.hpp"

namespace carrel::library {

// What a person writes for a name that the book has already is a new spelling of it, for all books. Before write_record.
void respell_names(db::tx&, const book_fields& before, const book_fields& after);

}  // namespace carrel::library
