#include "server/jobs/lease.hpp"

#include <array>

#include "server/jobs/rows.hpp"

namespace carrel::jobs {
namespace {

// Five retries with growing delay; the sixth failure is the last. A worker that died counts as a failure, else a job that kills
// its process would go on for ever.
constexpr std::array<std::chrono::seconds, 5> delays{std::chrono::seconds(10), std::chrono::minutes(1), std::chrono::minutes(5),
                                                     std::chrono::minutes(30), std::chrono::hours(2)};

constexpr db::statement sql_claim{"jobs.claim", R"sql(
  select id, kind, dedupe_key, payload::text, attempts, state, coalesce(last_error, ''), progress_done, progress_total,
         started_at, done_at, created_at
    from jobs
   where done_at is null and kind = any($1::text[]) and run_at <= $2
     and (state = 'waiting' or (state = 'running' and lease_until < $2))
     and kind not in (select h.kind from job_holds h)
   order by run_at, created_at
   limit 1
   for update skip locked)sql"};

constexpr db::statement sql_take{"jobs.take", R"sql(
  update jobs set state = 'running', lease_until = $2, lease_by = $3, started_at = $4, attempts = $5, progress_done = 0
   where id = $1)sql"};

constexpr db::statement sql_put_away{"jobs.put_away", R"sql(
  update jobs set state = 'failed', done_at = $2, lease_until = null, lease_by = null,
                  last_error = 'the process that worked on it ended, again and again'
   where id = $1)sql"};

constexpr db::statement sql_next{"jobs.next", R"sql(
  select min(case when state = 'waiting' then run_at else lease_until end)
    from jobs where done_at is null and kind = any($1::text[]) and state in ('waiting', 'running')
     and kind not in (select h.kind from job_holds h))sql"};

constexpr db::statement sql_extend{"jobs.extend", R"sql(
  update jobs set lease_until = $3 where id = any($1::uuid[]) and lease_by = $2 and state = 'running' returning id)sql"};

constexpr db::statement sql_progress{"jobs.progress", R"sql(
  update jobs set progress_done = $3, progress_total = $4, lease_until = $5
   where id = $1 and lease_by = $2 and state = 'running')sql"};

constexpr db::statement sql_finish{"jobs.finish", R"sql(
  update jobs set state = $3, done_at = $4, last_error = nullif($5, ''), lease_until = null, lease_by = null
   where id = $1 and lease_by = $2 and state = 'running')sql"};

// Waits for the callers whose transactions are not over; who comes later finds the job as this transaction leaves it.
constexpr db::statement sql_hold{"jobs.hold", "select from jobs where id = $1 for update"};
constexpr db::statement sql_answer_calls{"jobs.answer_calls", R"sql(
  with answered as (delete from job_calls where job_id = $1 returning job_id) select count(*) > 0 from answered)sql"};
constexpr db::statement sql_once_more{"jobs.once_more", R"sql(
  update jobs set state = 'waiting', run_at = $3, attempts = 0, last_error = null, lease_until = null, lease_by = null
   where id = $1 and lease_by = $2 and state = 'running' returning pg_notify('carrel_jobs', kind))sql"};

constexpr db::statement sql_reschedule{"jobs.reschedule", R"sql(
  update jobs set state = 'waiting', run_at = $3, attempts = $4, last_error = nullif($5, ''), lease_until = null, lease_by = null
   where id = $1 and lease_by = $2 and state = 'running')sql"};

// What was called for while it ran, and may not have been seen by it.
bool was_called(db::tx& tx, const job& j) {
  if (j.dedupe_key.empty()) return false;
  tx.run(sql_hold, j.id);
  return tx.run(sql_answer_calls, j.id)[0].flag(0);
}

}  // namespace

const char* name_of(outcome::kind k) {
  switch (k) {
    case outcome::done: return "done";
    case outcome::failed: return "failed";
    case outcome::again: return "again";
    case outcome::later: return "later";
    case outcome::released: return "released";
  }
  return "";
}

claimed claim(db::tx& tx, const std::vector<std::string>& kinds, const std::string& holder) {
  claimed out;
  instant at = now();
  db::rows found = tx.run(sql_claim, kinds, at);
  if (found.empty()) {
    out.next = tx.run(sql_next, kinds)[0].maybe_at(0);
    return out;
  }
  job j = job_from(found[0]);
  if (j.state == "running") ++j.attempts;
  if (j.attempts > static_cast<int>(delays.size())) {
    tx.run(sql_put_away, j.id, at);
    out.gave_up = true;
    return out;
  }
  tx.run(sql_take, j.id, at + lease_time, holder, at, j.attempts);
  tx.run(sql_answer_calls, j.id);
  j.state = "running";
  j.started_at = at;
  out.work = std::move(j);
  return out;
}

std::vector<uuid> extend_leases(db::tx& tx, const std::vector<uuid>& jobs, const std::string& holder) {
  std::vector<uuid> out;
  db::rows rows = tx.run(sql_extend, jobs, holder, now() + lease_time);
  for (const db::row& r : rows) out.push_back(r.id(0));
  return out;
}

bool store_progress(db::tx& tx, const uuid& job, const std::string& holder, std::int64_t done,
                    std::optional<std::int64_t> total) {
  return tx.run(sql_progress, job, holder, done, total, now() + lease_time).affected() > 0;
}

void settle(db::tx& tx, const job& j, const std::string& holder, const outcome& end) {
  instant at = now();
  bool spent = end.how == outcome::again && j.attempts >= static_cast<int>(delays.size());
  bool over = end.how == outcome::done || end.how == outcome::failed || spent;
  if (over && was_called(tx, j)) {
    tx.run(sql_once_more, j.id, holder, at);
  } else if (end.how == outcome::done) {
    tx.run(sql_finish, j.id, holder, "done", at, "");
  } else if (end.how == outcome::failed || spent) {
    tx.run(sql_finish, j.id, holder, "failed", at, end.error);
  } else if (end.how == outcome::again) {
    tx.run(sql_reschedule, j.id, holder, at + delays[static_cast<std::size_t>(j.attempts)], j.attempts + 1, end.error);
  } else {
    tx.run(sql_reschedule, j.id, holder, at + end.after, j.attempts, end.error);
  }
}

}  // namespace carrel::jobs
