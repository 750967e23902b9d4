#pragma once
// What many read at present (opds.md 12.1).

#include "library/offer.hpp"
#include "server/core/uuid.hpp"
#include "server/db/tx.hpp"

namespace carrel::library {

// Counts anew who had each book in hand or fetched it within the last 90 days; true when that changed anything.
bool count_popular(db::tx&);

bool popular_there(db::tx&, const uuid& viewer, taker);  // a book that this account may see

}  // namespace carrel::library
