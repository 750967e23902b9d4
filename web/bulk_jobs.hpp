#pragma once
// Bulk runs as background work. One kind of job a state, all of them the same loop of steps.

#include "library/bulk.hpp"
#include "server/db/pool.hpp"
#include "server/jobs/worker.hpp"

namespace carrel::web {

void register_bulk_jobs(jobs::workers&, db::pool&);
void register_bulk_schedule(jobs::schedule&, db::pool&);

// A job for what is left to do, in the transaction that made it so; nothing for a run that rests or is nobody's.
void enqueue_bulk(db::tx&, const uuid& run);
// The first steps at once, so that a small run need not wait for a worker; what is left becomes a job. The run afterwards.
std::optional<library::bulk_run> prepare_bulk(db::tx&, const uuid& run, const uuid& viewer);

}  // namespace carrel::web
