#include "ingest/sources/work_rows.hpp"

#include "library/source_queue.hpp"
#include "library/storable.hpp"

namespace carrel::ingest::sources {
namespace {

constexpr db::statement sql_next{"sources.next_row", R"sql(
  select m.id, m.book_id, m.job_id, m.attempts, m.priority = 0
    from metadata_jobs m left join jobs j on j.id = m.job_id
   where m.source = $1 and m.done_at is null and (m.not_before is null or m.not_before <= $2)
     and (m.lease_until is null or m.lease_until < $2) and (m.priority = 0 or not $3)
     and (m.job_id is null or (j.done_at is null and j.state in ('waiting', 'running')))
   order by m.priority, m.created_at, m.id
   limit 1
   for update of m skip locked)sql"};

constexpr db::statement sql_take{"sources.take_row", R"sql(
  update metadata_jobs set lease_until = $2, lease_by = $3 where id = $1)sql"};

constexpr db::statement sql_begin_job{"sources.begin_job", R"sql(
  update jobs set state = 'running', started_at = $2 where id = $1 and state = 'waiting')sql"};

constexpr db::statement sql_due{"sources.next_due", R"sql(
  select min(greatest(coalesce(m.not_before, $2), coalesce(m.lease_until, $2)))
    from metadata_jobs m left join jobs j on j.id = m.job_id
   where m.source = $1 and m.done_at is null and (m.priority = 0 or not $3)
     and (m.job_id is null or (j.done_at is null and j.state in ('waiting', 'running'))))sql"};

constexpr db::statement sql_urgent{"sources.urgent_rows", R"sql(
  select exists (select from metadata_jobs where source = $1 and done_at is null and priority = 0))sql"};

constexpr db::statement sql_put_off{"sources.put_off", R"sql(
  update metadata_jobs set not_before = $3, attempts = $4, lease_until = null, lease_by = null where id = $1 and lease_by = $2)sql"};

constexpr db::statement sql_forget{"sources.forget_row", R"sql(
  delete from metadata_jobs where id = $1 and lease_by = $2 and job_id is null)sql"};
constexpr db::statement sql_done{"sources.finish_row", R"sql(
  update metadata_jobs set done_at = $3, last_error = $4, lease_until = null, lease_by = null where id = $1 and lease_by = $2)sql"};
constexpr db::statement sql_count{"sources.count_row", R"sql(
  update jobs set progress_done = progress_done + 1 where id = $1)sql"};
constexpr db::statement sql_count_book{"sources.count_book", "update metadata_sources set books = books + 1 where source = $1"};

// First the lock and then the look, each with a view of its own: of two rows that end together the second one sees both.
constexpr db::statement sql_lock_job{"sources.lock_job", "select 1 from jobs where id = $1 and done_at is null for update"};
constexpr db::statement sql_left{"sources.left_of_job", R"sql(
  select exists (select from metadata_jobs where job_id = $1 and done_at is null))sql"};
constexpr db::statement sql_end_job{"sources.end_job", R"sql(
  update jobs j
     set state = case when w.failed > 0 and w.failed = w.all_rows then 'failed' else 'done' end, done_at = $2, progress_done = w.all_rows,
         progress_total = w.all_rows, last_error = nullif(w.errors, '')
    from (select count(*) as all_rows, count(*) filter (where last_error <> '') as failed,
                 left(coalesce(string_agg(distinct source || ': ' || last_error, '; ') filter (where last_error <> ''), ''), 500) as errors
            from metadata_jobs where job_id = $1) w
   where j.id = $1)sql"};

constexpr db::statement sql_reopen{"sources.reopen_rows", R"sql(
  update metadata_jobs m set done_at = null, last_error = '', attempts = 0, not_before = null
    from jobs j
   where j.id = m.job_id and j.kind in ($1, $2) and j.state = 'waiting' and j.started_at is null and m.done_at is not null
     and m.last_error <> '')sql"};
constexpr db::statement sql_idle{"sources.idle_jobs", R"sql(
  select j.id from jobs j
   where j.kind in ($1, $2) and j.done_at is null and j.created_at < $3
     and not exists (select from metadata_jobs m where m.job_id = j.id and m.done_at is null))sql"};
constexpr db::statement sql_unasked{"sources.unasked_rows", R"sql(
  update metadata_jobs set done_at = $2, last_error = 'this source is not asked any more'
   where done_at is null and source <> all ($1::text[]))sql"};
constexpr db::statement sql_forget_done{"sources.forget_done_rows",
                                        "delete from metadata_jobs where job_id is null and done_at is not null"};

constexpr std::chrono::minutes lease_time{5};

void end_job_without_rows(db::tx& tx, const uuid& job) {
  if (tx.run(sql_lock_job, job).empty() || tx.run(sql_left, job)[0].flag(0)) return;
  tx.run(sql_end_job, job, now());
}

}  // namespace

next_row claim_row(db::tx& tx, const std::string& source, const std::string& holder, bool only_urgent) {
  next_row out;
  instant at = now();
  db::rows rows = tx.run(sql_next, source, at, only_urgent);
  if (rows.empty()) {
    out.due = tx.run(sql_due, source, at, only_urgent)[0].maybe_at(0);
    return out;
  }
  const db::row& r = rows[0];
  out.row = row_of_work{
      .id = r.id(0), .book = r.id(1), .job = r.maybe_id(2), .attempts = static_cast<int>(r.integer(3)), .urgent = r.flag(4)};
  tx.run(sql_take, out.row->id, at + lease_time, holder);
  if (out.row->job) tx.run(sql_begin_job, *out.row->job, at);
  return out;
}

bool is_urgent_waiting(db::tx& tx, const std::string& source) { return tx.run(sql_urgent, source)[0].flag(0); }

void put_off(db::tx& tx, const row_of_work& w, const std::string& holder, const std::optional<instant>& until, int attempts) {
  tx.run(sql_put_off, w.id, holder, until, attempts);
}

void finish_row(db::tx& tx, const row_of_work& w, const std::string& holder, const std::string& source,
                const std::string& error) {
  tx.run(sql_count_book, source);
  if (!w.job) {
    tx.run(sql_forget, w.id, holder);
    return;
  }
  if (tx.run(sql_done, w.id, holder, now(), library::storable_note(error, 300)).affected() == 0) return;
  tx.run(sql_count, *w.job);
  end_job_without_rows(tx, *w.job);
}

void tidy_jobs(db::tx& tx, const std::vector<std::string>& asked) {
  tx.run(sql_reopen, library::fetch_kind, library::refresh_kind);
  tx.run(sql_unasked, asked, now());
  tx.run(sql_forget_done);
  std::vector<uuid> idle;
  for (const db::row& r : tx.run(sql_idle, library::fetch_kind, library::refresh_kind, now())) idle.push_back(r.id(0));
  for (const uuid& job : idle) end_job_without_rows(tx, job);
}

}  // namespace carrel::ingest::sources
