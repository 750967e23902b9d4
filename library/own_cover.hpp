#pragma once
// A picture that somebody chose for a book's cover (ingest.md 19.1).

#include "library/audit.hpp"
#include "library/book.hpp"
#include "server/core/uuid.hpp"
#include "server/db/tx.hpp"

namespace carrel::library {

// Takes the place of the cover, with source `user`, and is locked; a group of the book's history, so that it can be taken back.
// The picture lies in the store. False when there is no such book.
bool set_own_cover(db::tx&, const uuid& book, const new_cover&, const actor&);

}  // namespace carrel::library
