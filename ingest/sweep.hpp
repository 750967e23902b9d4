#pragma once

#include <string>

#include "ingest/services.hpp"
#include "server/jobs/worker.hpp"

namespace carrel::ingest {

struct swept {
  int attic_files = 0, quarantine_files = 0, books = 0, book_files = 0, covers = 0, renditions = 0, jobs = 0;
};

// Really deletes what its time has passed: attic files (attic.days), trashed books (trash.days), refused files that a person put
// away, covers of no book, cached renditions above 2 GiB, jobs that ended two weeks ago. A row goes before its file.
swept sweep_store(const services&, carrel::jobs::progress&);

// Files of the store come and go under one lock: whoever gives a file a row holds it shared from looking at the file to the
// commit.
void hold_store(db::tx&);
// Alone: nothing is being taken in while it is decided whether a file is still needed.
void lock_store(db::tx&);
// Unlinks a file of the store that no row needs, holding that lock alone; false when there was nothing to do.
bool remove_unneeded(const services&, const std::string& storage_path);

}  // namespace carrel::ingest
