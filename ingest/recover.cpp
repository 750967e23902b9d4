#include "ingest/recover.hpp"

#include <map>
#include <set>

#include "ingest/jobs.hpp"
#include "publication/extractor_version.hpp"
#include "server/core/clock.hpp"
#include "server/jobs/queue.hpp"
#include "server/jobs/session_lock.hpp"

namespace carrel::ingest {
namespace {

// What an import left is finished by the same import: it alone knows which book a file belongs to.
constexpr db::statement sql_unfinished{"ingest.unfinished", R"sql(
  select id, group_id from ingest_items
   where source <> 'import'
     and ((state in ('settled', 'probed', 'hashed', 'stored', 'described') and ($1 or updated_at < $2::timestamptz - interval '2 minutes'))
      or (state = 'failed' and next_try_at <= $2 and dismissed_at is null)))sql"};

constexpr db::statement sql_open_groups{"ingest.open_groups", R"sql(
  select (select i.id from ingest_items i where i.group_id = g.id order by i.id limit 1), g.id from ingest_groups g
   where not g.ended and ($1 or g.updated_at < $2::timestamptz - interval '2 minutes')
     and exists (select from ingest_items i where i.group_id = g.id))sql"};

// No index: once per start.
constexpr db::statement sql_sources_left{"ingest.sources_left", R"sql(
  select id, group_id from ingest_items where state in ('inbox', 'organised', 'duplicate', 'rejected') and policy = 'move' and not source_done)sql"};

// By an extractor that knew less (4.2). What a person has put away stays so, and what was left over waits for one.
constexpr db::statement sql_refused_before{"ingest.refused_before", R"sql(
  update ingest_items set extractor_version = $1
   where state = 'rejected' and source_done and quarantine_path <> '' and dismissed_at is null and error_code <> 'orphaned_file'
     and extractor_version < $1
  returning id)sql"};

constexpr db::statement sql_open{"ingest.open_items", R"sql(
  select id, batch_id, coalesce(nullif(source_path, ''), convert_to(display_name, 'UTF8')), group_id from ingest_items
   where (state in ('settled', 'probed', 'hashed', 'stored', 'described') and source <> 'import')
      or (state in ('inbox', 'organised', 'duplicate', 'rejected') and policy = 'move' and not source_done)
      or group_id = any (select g.id from ingest_groups g where not g.ended)
   order by created_at, id)sql"};

}  // namespace

int enqueue_unfinished(db::tx& tx, bool at_start) {
  int out = 0;
  std::set<uuid> groups;  // one job takes all files of a group
  auto enqueue_all = [&](const db::rows& rows) {
    for (const db::row& r : rows) {
      std::optional<uuid> group = r.maybe_id(1);
      if (group && !groups.insert(*group).second) continue;
      enqueue_file(tx, r.id(0));
      ++out;
    }
  };
  enqueue_all(tx.run(sql_unfinished, at_start, now()));
  enqueue_all(tx.run(sql_open_groups, at_start, now()));
  if (!at_start) return out;
  enqueue_all(tx.run(sql_sources_left));
  for (const db::row& r : tx.run(sql_refused_before, publication::extractor_version)) {
    enqueue_file(tx, r.id(0));
    ++out;
  }
  return out;
}

abandoned find_abandoned(db::pool& pool, const library::store& store) {
  abandoned out;
  db::rows rows = pool.read_now([](db::tx& tx) { return tx.run(sql_open); });
  std::optional<bool> served;
  std::map<uuid, bool> ended;  // by batch
  for (const db::row& r : rows) {
    std::optional<uuid> batch = r.maybe_id(1);
    if (batch && !ended.contains(*batch)) {
      std::optional<item_lock> claim = item_lock::take(store, *batch, false);
      ended[*batch] = claim.has_value();
      if (claim) out.claims.push_back(std::move(*claim));
    }
    if (!batch && !served) served = !jobs::session_lock(pool, "schedule").hold();
    if (batch ? ended[*batch] : !*served) out.items.push_back({r.id(0), r.maybe_id(3), r.raw(2)});
  }
  return out;
}

}  // namespace carrel::ingest
