#pragma once
// Deleting places from the history of a book, and bringing them back (product.md 4.5).

#include "server/core/clock.hpp"
#include "server/core/uuid.hpp"
#include "server/db/tx.hpp"

namespace carrel::library {

// False when the row is not this reader's and this book's, when it is the current place, or when it is so already. What devices
// and judgements of pushes know of it stays as it is.
bool remove_position(db::tx&, const uuid& user, const uuid& book, const uuid& row);
bool bring_back_position(db::tx&, const uuid& user, const uuid& book, const uuid& row);

// Deletes for good what was removed before that time, at most `most` rows; how many.
int forget_removed_positions(db::tx&, instant before, int most);

}  // namespace carrel::library
