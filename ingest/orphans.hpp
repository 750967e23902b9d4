#pragma once

#include <chrono>

#include "ingest/services.hpp"

namespace carrel::ingest {

struct orphans {
  int removed = 0;  // unfinished copies, bodies of requests that were never answered, copies of what the library has
  int kept = 0;     // files that are nowhere else: in quarantine now, and in errata
};
// What a process that was killed left in staging/, in library/ and beside stored files, and to which nothing in the database
// refers. Things younger than `age` may belong to somebody who is at work.
orphans tidy_orphans(const services&, std::chrono::seconds age = std::chrono::hours(1));

}  // namespace carrel::ingest
