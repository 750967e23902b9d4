#pragma once
// Genres and publishers as names that lists lead to. Internal to library/.

#include "library/book_parts.hpp"

namespace carrel::library {

// Those of the book's fields take the place of those it had. The book's row must exist.
void write_labels(db::tx&, const uuid& book, const book_fields&);

}  // namespace carrel::library
