#pragma once
// Covers for books that have none: their files are opened once more. A cover can fail for reasons that pass (pdftoppm or libvips
// was not installed, memory ran short, an older version could not read the picture).

#include <cstdint>
#include <functional>
#include <stop_token>

#include "ingest/services.hpp"

namespace carrel::ingest {

struct missing_covers {
  std::int64_t books = 0;       // that had none when the run began
  std::int64_t found = 0;       // that have one now; with dry_run, would have
  std::int64_t unreadable = 0;  // of which no file could be opened
};

struct missing_covers_options {
  bool dry_run = false;  // every file is read and nothing is stored
  std::stop_token stop{};
};

// Goes through all books that are not in the trash; one whose cover somebody took away on purpose is left as it is. Each
// book is a change of its own.
missing_covers find_missing_covers(const services&, const missing_covers_options&,
                                   const std::function<void(std::int64_t done, std::int64_t of)>& progress);

}  // namespace carrel::ingest
