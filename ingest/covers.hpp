#pragma once

#include "ingest/services.hpp"
#include "server/jobs/worker.hpp"

namespace carrel::ingest {

// Cuts the larger renditions (600 for pages, 1600 for feeds; opds.md 5.9) of all covers that lack them, newest first, so that no
// request has to wait for one. Their masters have been decoded in an inspector before. How many were cut.
int cut_renditions(const services&, carrel::jobs::progress&);

// When the newest cover came; what the schedule compares.
std::optional<instant> newest_cover(db::tx&);

}  // namespace carrel::ingest
