#pragma once
// What the queue and the clock have to do with taking in.

#include <optional>

#include "ingest/services.hpp"
#include "server/jobs/worker.hpp"

namespace carrel::ingest {

uuid enqueue_file(db::tx&, const uuid& item, const std::optional<uuid>& user = std::nullopt);

// A look at the books that changed since the last one (library/duplicate.hpp).
void enqueue_duplicates(db::tx&);

// Kinds ingest.file, ingest.cover, library.duplicates, ingest.orphans, store.sweep and those of libraries (in_place.hpp). The
// services outlive the workers and the schedule.
void register_jobs(carrel::jobs::workers&, const services&);
// Interrupted items and renditions of new covers every minute, left-over files and duplicates every six hours, the sweep once a
// day.
void register_schedule(carrel::jobs::schedule&, const services&);

}  // namespace carrel::ingest
