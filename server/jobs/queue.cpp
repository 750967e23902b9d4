#include "server/jobs/queue.hpp"

#include "server/jobs/rows.hpp"

namespace carrel::jobs {
namespace {

constexpr db::statement sql_insert{"jobs.insert", R"sql(
  insert into jobs (id, kind, dedupe_key, payload, run_at, user_id, created_at)
  values ($1, $2, $3, $4::jsonb, $5, $6, $7)
  on conflict (kind, dedupe_key) where done_at is null and dedupe_key <> '' do nothing
  returning id)sql"};

constexpr db::statement sql_unfinished{"jobs.unfinished", R"sql(
  select id from jobs where kind = $1 and dedupe_key = $2 and done_at is null)sql"};

constexpr db::statement sql_ring{"jobs.ring", "select pg_notify('carrel_jobs', $1)"};

constexpr db::statement sql_call{"jobs.call", "select call_for_job($1, $2)"};

constexpr db::statement sql_find{"jobs.find", R"sql(
  select id, kind, dedupe_key, payload::text, attempts, state, coalesce(last_error, ''), progress_done, progress_total,
         started_at, done_at, created_at
    from jobs where id = $1)sql"};

constexpr db::statement sql_recent{"jobs.recent", R"sql(
  (select id, kind, dedupe_key, payload::text, attempts, state, coalesce(last_error, ''), progress_done, progress_total,
          started_at, done_at, created_at
     from jobs where done_at is null and (kind <> $2 or state = 'running') order by run_at, created_at limit $1)
  union all
  (select id, kind, dedupe_key, payload::text, attempts, state, coalesce(last_error, ''), progress_done, progress_total,
          started_at, done_at, created_at
     from jobs where done_at is not null and (kind <> $2 or state <> 'done') order by created_at desc, id desc limit $1)
  limit $1)sql"};

constexpr db::statement sql_cancel{"jobs.cancel", R"sql(
  update jobs set state = 'cancelled', done_at = $2, lease_until = null, lease_by = null
   where id = $1 and done_at is null)sql"};

constexpr db::statement sql_retry{"jobs.retry", R"sql(
  update jobs j set state = 'waiting', run_at = $2, attempts = 0, done_at = null, last_error = null, started_at = null
   where id = $1 and state in ('waiting', 'failed', 'cancelled', 'paused')
     and not exists (select from jobs o where o.kind = j.kind and o.dedupe_key = j.dedupe_key and o.dedupe_key <> ''
                                          and o.done_at is null and o.id <> j.id)
  returning kind)sql"};

constexpr db::statement sql_pause_one{"jobs.pause_one", R"sql(
  update jobs set state = 'paused', lease_until = null, lease_by = null where id = $1 and state in ('waiting', 'running'))sql"};
constexpr db::statement sql_resume_one{"jobs.resume_one", R"sql(
  update jobs set state = 'waiting', run_at = $2 where id = $1 and state = 'paused' returning kind)sql"};
constexpr db::statement sql_pause{"jobs.pause", "update jobs set state = 'paused' where kind = $1 and state = 'waiting'"};
constexpr db::statement sql_resume{"jobs.resume", "update jobs set state = 'waiting' where kind = $1 and state = 'paused'"};

constexpr db::statement sql_remove_finished{"jobs.remove_finished", "delete from jobs where done_at < $1"};

}  // namespace

job job_from(const db::row& r) {
  job out{.id = r.id(0),
          .kind = r.text(1),
          .dedupe_key = r.text(2),
          .payload = {},
          .attempts = static_cast<int>(r.integer(4)),
          .state = r.text(5),
          .last_error = r.text(6),
          .done = r.integer(7),
          .total = r.maybe_integer(8),
          .started_at = r.maybe_at(9),
          .finished_at = r.maybe_at(10),
          .created_at = r.at(11)};
  if (result<json::object> payload = json::read_object(r.view(3))) out.payload = std::move(*payload);
  return out;
}

std::string job::payload_text(std::string_view name) const {
  std::string out;
  payload.take(name, out);
  return out;
}

uuid enqueue(db::tx& tx, const std::string& kind, const std::string& dedupe_key, const json::object& payload,
             std::chrono::seconds delay, const std::optional<uuid>& user) {
  std::string text = json::dump(payload);
  instant at = now();
  // The job that was in the way may finish between the two statements; then the insert works at the next turn.
  for (int turn = 0; turn < 100; ++turn) {
    db::rows made = tx.run(sql_insert, uuid::make(), kind, dedupe_key, text, at + delay, user, at);
    if (!made.empty()) {
      tx.run(sql_ring, kind);
      return made[0].id(0);
    }
    db::rows there = tx.run(sql_unfinished, kind, dedupe_key);
    if (!there.empty()) return there[0].id(0);
  }
  throw std::runtime_error("a job can be neither made nor found");
}

uuid call(db::tx& tx, const std::string& kind, const std::string& key) { return tx.run(sql_call, kind, key)[0].id(0); }

std::optional<job> find_job(db::tx& tx, const uuid& id) {
  db::rows rows = tx.run(sql_find, id);
  if (rows.empty()) return std::nullopt;
  return job_from(rows[0]);
}

std::vector<job> recent_jobs(db::tx& tx, int most, std::string_view without) {
  std::vector<job> out;
  db::rows rows = tx.run(sql_recent, most, without);
  for (const db::row& r : rows) out.push_back(job_from(r));
  return out;
}

bool cancel_job(db::tx& tx, const uuid& id) { return tx.run(sql_cancel, id, now()).affected() > 0; }

bool retry_job(db::tx& tx, const uuid& id) {
  db::rows rows = tx.run(sql_retry, id, now());
  if (rows.empty()) return false;
  tx.run(sql_ring, rows[0].text(0));
  return true;
}

bool pause_job(db::tx& tx, const uuid& id) { return tx.run(sql_pause_one, id).affected() > 0; }

bool resume_job(db::tx& tx, const uuid& id) {
  db::rows rows = tx.run(sql_resume_one, id, now());
  if (!rows.empty()) tx.run(sql_ring, rows[0].text(0));
  return !rows.empty();
}

int remove_finished_jobs(db::tx& tx, instant before) { return static_cast<int>(tx.run(sql_remove_finished, before).affected()); }

int pause_jobs(db::tx& tx, const std::string& kind, bool paused) {
  db::rows changed = tx.run(paused ? sql_pause : sql_resume, kind);
  if (!paused && changed.affected() > 0) tx.run(sql_ring, kind);
  return static_cast<int>(changed.affected());
}

std::optional<double> job::rate() const {
  if (!started_at || done <= 0) return std::nullopt;
  double seconds = std::chrono::duration<double>(finished_at.value_or(now()) - *started_at).count();
  return seconds > 0 ? std::optional(static_cast<double>(done) / seconds) : std::nullopt;
}

std::optional<std::int64_t> job::seconds_left() const {
  std::optional<double> a_second = rate();
  if (!a_second || !total || state != "running") return std::nullopt;
  return static_cast<std::int64_t>(static_cast<double>(std::max<std::int64_t>(*total - done, 0)) / *a_second);
}

json::object to_json(const job& j) {
  json::object out;
  out.set("id", j.id).set("kind", j.kind).set("state", j.state).set("done", j.done).set("total", j.total).set("rate", j.rate());
  out.set("eta_seconds", j.seconds_left()).set("started_at", j.started_at);
  out.set("error", j.last_error.empty() ? json::value() : json::value(j.last_error));
  return out;
}

}  // namespace carrel::jobs
