#pragma once
// What the queue and the clock have to do with taking in.

#include <optional>

#include "ingest/services.hpp"
#include "server/jobs/worker.hpp"

namespace carrel::ingest {

uuid enqueue_file(db::tx&, const uuid& item, const std::optional<uuid>& user = std::nullopt);

// Kinds ingest.file, ingest.cover, ingest.orphans, store.sweep and those of libraries (in_place.hpp). The services outlive the
// workers and the schedule.
void register_jobs(carrel::jobs::workers&, const services&);
// Interrupted items and renditions of new covers every minute, left-over files every six hours, the sweep once a day.
void register_schedule(carrel::jobs::schedule&, const services&);

}  // namespace carrel::ingest
