#include "server/jobs/backlog.hpp"

#include <algorithm>
#include <cmath>

#include "server/core/clock.hpp"

namespace carrel::jobs {
namespace {

constexpr std::chrono::minutes window{5};

constexpr db::statement sql_backlog{"jobs.backlog", R"sql(
  select u.waiting, u.running, d.done, d.failed, d.recent, d.first, exists (select from job_holds h where h.kind = $1)
    from (select count(*) filter (where state <> 'running') as waiting, count(*) filter (where state = 'running') as running
            from jobs where kind = $1 and done_at is null) u,
         (select count(*) filter (where state = 'done') as done, count(*) filter (where state = 'failed') as failed,
                 count(*) filter (where done_at >= $3) as recent, min(started_at) filter (where done_at >= $3) as first
            from jobs where kind = $1 and done_at >= $2) d)sql"};

constexpr db::statement sql_hold{"jobs.hold_kind", R"sql(
  insert into job_holds (kind) select $1 where exists (select from jobs where kind = $1) on conflict do nothing)sql"};
constexpr db::statement sql_release{"jobs.release_kind", R"sql(
  with gone as (delete from job_holds where kind = $1 returning kind) select pg_notify('carrel_jobs', kind) from gone)sql"};

}  // namespace

std::optional<std::int64_t> backlog::seconds_left() const {
  if (!rate || *rate <= 0) return std::nullopt;
  return static_cast<std::int64_t>(std::ceil(static_cast<double>(left()) / *rate));
}

backlog backlog_of(db::tx& tx, const std::string& kind) {
  instant at = now();
  db::rows rows = tx.run(sql_backlog, kind, at - std::chrono::hours(24), at - window);
  const db::row& r = rows[0];
  backlog out{.waiting = r.integer(0),
              .running = r.integer(1),
              .done = r.integer(2),
              .failed = r.integer(3),
              .rate = {},
              .held = r.flag(6)};
  std::optional<instant> first = r.maybe_at(5);
  double seconds = first ? std::chrono::duration<double>(at - std::max(*first, at - window)).count() : 0;
  if (r.integer(4) > 1 && seconds > 0) out.rate = static_cast<double>(r.integer(4)) / seconds;
  return out;
}

bool hold_kind(db::tx& tx, const std::string& kind) { return tx.run(sql_hold, kind).affected() > 0; }
bool release_kind(db::tx& tx, const std::string& kind) { return !tx.run(sql_release, kind).empty(); }

}  // namespace carrel::jobs
