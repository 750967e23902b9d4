#pragma once

#include "library/book.hpp"
#include "publication/fingerprint.hpp"
#include "publication/open.hpp"

namespace carrel::ingest {

// The row of a file that was read; its names are the caller's.
library::new_file file_row(const uuid& file, const publication::opened&, const publication::fingerprints&,
                           const std::string& storage);

}  // namespace carrel::ingest
