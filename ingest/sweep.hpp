#pragma once

#include "ingest/services.hpp"
#include "server/jobs/worker.hpp"

namespace carrel::ingest {

struct swept {
  int attic_files = 0, quarantine_files = 0, books = 0, book_files = 0, covers = 0, renditions = 0, jobs = 0;
};

// Really deletes what its time has passed: attic files (attic.days), trashed books (trash.days), refused files that a person put
// away, covers of no book, cached renditions above 2 GiB, jobs that ended two weeks ago. A row goes before its file.
swept sweep_store(const services&, carrel::jobs::progress&);

}  // namespace carrel::ingest
