#pragma once

#include "ingest/services.hpp"

namespace carrel::ingest {

// Recordings of the book whose place others have taken (book_files.superseded) leave it; their bytes go to the attic.
void put_superseded_away(const services&, const uuid& book);

}  // namespace carrel::ingest
