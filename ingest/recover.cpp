#include "ingest/recover.hpp"

#include "ingest/jobs.hpp"
#include "server/core/clock.hpp"
#include "server/jobs/queue.hpp"

namespace carrel::ingest {
namespace {

constexpr db::statement sql_unfinished{"ingest.unfinished", R"sql(
  select id from ingest_items
   where (state in ('settled', 'probed', 'hashed', 'stored', 'described') and ($1 or updated_at < $2::timestamptz - interval '2 minutes'))
      or (state = 'failed' and next_try_at <= $2 and dismissed_at is null))sql"};

// No index: once per start.
constexpr db::statement sql_sources_left{"ingest.sources_left", R"sql(
  select id from ingest_items where state in ('inbox', 'organised', 'duplicate', 'rejected') and policy = 'move' and not source_done)sql"};

}  // namespace

int enqueue_unfinished(db::tx& tx, bool at_start) {
  int out = 0;
  auto enqueue_all = [&](const db::rows& rows) {
    for (const db::row& r : rows) {
      enqueue_file(tx, r.id(0));
      ++out;
    }
  };
  enqueue_all(tx.run(sql_unfinished, at_start, now()));
  if (at_start) enqueue_all(tx.run(sql_sources_left));
  return out;
}

}  // namespace carrel::ingest
