#pragma once
// The metadata of a MOBI or AZW3 book (ingest.md 12). For the files of this folder only.

#include <vector>

#include "publication/mobi/library.hpp"

namespace carrel::publication::mobi {

metadata metadata_of(const told&, std::vector<warning>&);

}  // namespace carrel::publication::mobi
