#pragma once
// Rows of the jobs table; not for other folders.

#include "server/jobs/queue.hpp"

namespace carrel::jobs {

// Columns: id, kind, dedupe_key, payload::text, attempts, state, last_error, progress_done, progress_total, started_at, done_at,
// created_at.
job job_from(const db::row&);

}  // namespace carrel::jobs
