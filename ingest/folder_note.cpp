#include "ingest/folder_note.hpp"

#include "ingest/jobs.hpp"
#include "ingest/names.hpp"
#include "server/core/uuid.hpp"

namespace carrel::ingest {
namespace {

// ino, size and mtime are 0: no file has such a row.
constexpr db::statement sql_note{"ingest.note_folder", R"sql(
  insert into ingest_items (id, source, policy, source_path, display_name, state, source_done, error_code, error_detail)
  values ($1, 'watch', 'keep', $2, $3, 'rejected', true, $4, $5)
  on conflict (source_path, ino, size, mtime_ns) where source_path is not null
  do update set state = 'rejected', error_code = excluded.error_code, error_detail = excluded.error_detail, dismissed_at = null, created_at = now(), updated_at = now()
   where (ingest_items.state, ingest_items.error_code) is distinct from ('rejected', excluded.error_code))sql"};

constexpr db::statement sql_notes{"ingest.open_notes", R"sql(
  select source_path, error_code from ingest_items
   where state = 'rejected' and error_code in ('folder_unavailable', 'folder_too_deep', 'source_stays', 'disk_full', 'drop_folder_unusable', 'watch_limit')
     and source_path is not null and ino = 0 and size = 0 and mtime_ns = 0)sql"};

constexpr db::statement sql_close{"ingest.close_note", R"sql(
  update ingest_items set state = 'vanished', updated_at = now()
   where source_path = $1 and ino = 0 and size = 0 and mtime_ns = 0 and state = 'rejected' and error_code = $2)sql"};

// No index: once when a folder becomes writable again.
constexpr db::statement sql_reopen{"ingest.reopen_sources", R"sql(
  update ingest_items set source_done = false, error_code = '', updated_at = clock_timestamp()
   where state in ('inbox', 'organised', 'duplicate') and policy = 'move' and error_code = 'source_stays'
     and substring(source_path for length($1::bytea)) = $1
  returning id)sql"};

db::bytes bytes_of(const std::filesystem::path& p) { return {p.native()}; }

}  // namespace

bool note_folder(db::tx& tx, const folder_note& n) {
  return tx.run(sql_note, uuid::make(), bytes_of(n.folder), shown_name(n.folder.native()), n.code, n.detail).affected() > 0;
}

std::vector<folder_note> open_notes(db::tx& tx) {
  std::vector<folder_note> out;
  db::rows rows = tx.run(sql_notes);
  for (const db::row& r : rows) out.push_back({r.raw(0), r.text(1), ""});
  return out;
}

bool close_note(db::tx& tx, const folder_note& n) { return tx.run(sql_close, bytes_of(n.folder), n.code).affected() > 0; }

int reopen_sources(db::tx& tx, const std::filesystem::path& folder) {
  db::rows rows = tx.run(sql_reopen, db::bytes{folder.native() + "/"});
  int out = 0;
  for (const db::row& r : rows) {
    enqueue_file(tx, r.id(0));
    ++out;
  }
  return out;
}

}  // namespace carrel::ingest
