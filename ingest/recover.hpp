#pragma once

#include "server/db/tx.hpp"

namespace carrel::ingest {

// Jobs for items that were interrupted, whoever began them, and for failed ones whose time has come (4.4: the pipeline looks at
// what is true and goes on). At start every open item counts, later only those that nobody has touched for two minutes. An item
// that somebody works on is safe: its job finds the lock taken. How many jobs.
int enqueue_unfinished(db::tx&, bool at_start);

}  // namespace carrel::ingest
