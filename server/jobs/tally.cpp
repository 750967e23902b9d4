#include "server/jobs/tally.hpp"

namespace carrel::jobs {
namespace {

constexpr db::statement sql_tally{"jobs.tally", R"sql(
  select kind, state, count(*),
         coalesce(greatest(extract(epoch from $1::timestamptz - min(run_at) filter (where state = 'waiting')), 0), 0)::float8
    from jobs
   where done_at is null
   group by kind, state)sql"};

struct line {
  std::string kind, state;
  double count, oldest;
};

std::vector<line> read(db::tx& tx) {
  std::vector<line> out;
  db::rows rows = tx.run(sql_tally, now());
  for (const db::row& r : rows) out.push_back({r.text(0), r.text(1), static_cast<double>(r.integer(2)), r.real(3)});
  return out;
}

}  // namespace

void tally::refresh(db::pool& pool) {
  std::vector<line> lines = pool.read_now(read);
  for (const auto& [place, gauge] : counts_) gauge.set(0);
  for (const auto& [kind, gauge] : ages_) gauge.set(0);
  for (const line& l : lines) {
    metrics::gauge& count = counts_[{l.kind, l.state}];
    if (!count.impl)
      count = metrics::make_gauge("carrel_jobs", "Unfinished jobs, by kind and state", {{"kind", l.kind}, {"state", l.state}});
    count.set(l.count);
    if (l.state != "waiting") continue;
    metrics::gauge& age = ages_[l.kind];
    if (!age.impl)
      age = metrics::make_gauge("carrel_jobs_oldest_seconds", "How long the first job that is due waits", {{"kind", l.kind}});
    age.set(l.oldest);
  }
}

}  // namespace carrel::jobs
