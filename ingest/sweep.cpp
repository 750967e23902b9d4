#include "ingest/sweep.hpp"

#include <unistd.h>

#include "ingest/paths.hpp"
#include "ingest/write_back.hpp"
#include "library/cover_cache.hpp"
#include "library/libraries.hpp"
#include "library/revision.hpp"
#include "server/core/log.hpp"
#include "server/jobs/queue.hpp"

namespace carrel::ingest {
namespace {

namespace fs = std::filesystem;

constexpr db::statement sql_hold_store{"ingest.lock_store",
                                       "select pg_advisory_xact_lock_shared(hashtextextended('carrel.store', 0))"};
constexpr db::statement sql_lock_store{"ingest.lock_store_alone",
                                       "select pg_advisory_xact_lock(hashtextextended('carrel.store', 0))"};

constexpr db::statement sql_old_trash{"ingest.old_trash", R"sql(
  select b.id from books b where b.deleted_at < $1 and b.merged_into is null order by b.deleted_at limit 500)sql"};
constexpr db::statement sql_files_of{"ingest.files_of", R"sql(
  select coalesce(storage_path, '') from book_files where book_id = $1
   union all select storage_path from sidecars where book_id = $1)sql"};
constexpr db::statement sql_delete_book{"ingest.delete_book",
                                        "delete from books where id = $1 and deleted_at < $2 and merged_into is null"};
constexpr db::statement sql_still_used{"ingest.still_used", R"sql(
  select exists (select from book_files where storage_path = $1) or exists (select from covers where storage_path = $1)
      or exists (select from sidecars where storage_path = $1))sql"};
constexpr db::statement sql_delete_covers{"ingest.delete_covers", R"sql(
  delete from covers c where c.created_at < $1 and not exists (select from books b where b.cover_id = c.id)
     and not exists (select from metadata_changes m where m.field = 'cover' and m.old->'exact'->>'id' = c.id::text)
     and not exists (select from book_metadata_candidates k
                      where k.cover_id = c.id or k.normalized->'cover'->>'sha256' = c.sha256)
  returning storage_path)sql"};
constexpr db::statement sql_put_away{"ingest.put_away", R"sql(
  select id, quarantine_path from ingest_items where dismissed_at < $1 and quarantine_path <> '')sql"};
constexpr db::statement sql_forget_quarantine{"ingest.forget_quarantine",
                                              "update ingest_items set quarantine_path = '' where id = $1"};

// Below attic/ each folder belongs to one item; its own time is that of the last file that came.
int sweep_attic(const fs::path& attic, std::chrono::days age) {
  int gone = 0;
  std::error_code code;
  for (const fs::directory_entry& folder : fs::directory_iterator(attic, code)) {
    struct stat facts {};
    if (!uuid::parse(folder.path().filename().native())) continue;
    if (::lstat(folder.path().c_str(), &facts) != 0 || !S_ISDIR(facts.st_mode)) continue;
    if (std::chrono::seconds(unix_seconds(now()) - facts.st_mtim.tv_sec) < age) continue;
    std::error_code inner;
    std::vector<fs::path> files;
    for (const fs::directory_entry& f : fs::directory_iterator(folder.path(), inner)) files.push_back(f.path());
    for (const fs::path& f : files) gone += ::unlink(f.c_str()) == 0 ? 1 : 0;
    ::rmdir(folder.path().c_str());
  }
  return gone;
}

std::optional<std::vector<std::string>> delete_book(const services& s, const uuid& book, instant before) {
  try {
    return s.pool.write_now([&](db::tx& tx) {
      std::vector<std::string> files;
      db::rows rows = tx.run(sql_files_of, book);
      for (const db::row& r : rows) files.push_back(r.text(0));
      if (tx.run(sql_delete_book, book, before).affected() == 0)
        files.clear();
      else
        library::bump_revision(tx);
      return std::optional(files);
    });
  } catch (const db::lost&) {
    throw;
  } catch (const db::failure& f) {
    log::error("store.sweep", {{"book", book}, {"error", f.what()}});  // one book that something still holds stops no others
    return std::nullopt;
  }
}

void sweep_trash(const services& s, carrel::jobs::progress& p, swept& out) {
  instant before = now() - s.how.trash;
  std::vector<uuid> old = s.pool.read_now([&](db::tx& tx) {
    std::vector<uuid> ids;
    db::rows rows = tx.run(sql_old_trash, before);
    for (const db::row& r : rows) ids.push_back(r.id(0));
    return ids;
  });
  for (const uuid& book : old) {
    if (p.stopping()) return;
    std::optional<std::vector<std::string>> files = delete_book(s, book, before);
    if (!files) continue;
    ++out.books;
    for (const std::string& f : *files) out.book_files += remove_unneeded(s, f) ? 1 : 0;
  }
}

void sweep_covers(const services& s, swept& out) {
  std::vector<std::string> gone = s.pool.write_now([&](db::tx& tx) {
    std::vector<std::string> paths;
    lock_store(tx);
    db::rows rows = tx.run(sql_delete_covers, now() - std::chrono::days(1));
    for (const db::row& r : rows) paths.push_back(r.text(0));
    return paths;
  });
  for (const std::string& path : gone) out.covers += remove_unneeded(s, path) ? 1 : 0;
}

void sweep_quarantine(const services& s, swept& out) {
  db::rows rows = s.pool.read_now([&](db::tx& tx) { return tx.run(sql_put_away, now() - s.how.attic); });
  for (const db::row& r : rows) {
    fs::path file = s.store.absolute(r.text(1));
    s.pool.write_now([&](db::tx& tx) { tx.run(sql_forget_quarantine, r.id(0)); });
    out.quarantine_files += ::unlink(file.c_str()) == 0 ? 1 : 0;
    ::rmdir(file.parent_path().c_str());
  }
}

}  // namespace

void hold_store(db::tx& tx) { tx.run(sql_hold_store); }

void lock_store(db::tx& tx) { tx.run(sql_lock_store); }

bool remove_unneeded(const services& s, const std::string& storage_path) {
  if (storage_path.empty() || library::is_external(storage_path)) return false;
  return s.pool.write_now([&](db::tx& tx) {
    lock_store(tx);
    if (tx.run(sql_still_used, storage_path)[0].flag(0)) return false;
    return ::unlink(s.store.absolute(storage_path).c_str()) == 0;
  });
}

swept sweep_store(const services& s, carrel::jobs::progress& p) {
  swept out;
  out.attic_files = sweep_attic(s.store.data() / "attic", s.how.attic);
  sweep_quarantine(s, out);
  sweep_trash(s, p, out);
  sweep_covers(s, out);
  out.renditions = library::trim_cover_cache(s.store, 2ULL << 30);
  remove_stray_side_files(s);  // as long as their library is known
  s.pool.write_now(library::forget_libraries);
  out.jobs = s.pool.write_now([](db::tx& tx) { return carrel::jobs::remove_finished_jobs(tx, now() - std::chrono::days(14)); });
  log::info("store.sweep",
            {{"attic", out.attic_files}, {"quarantine", out.quarantine_files}, {"books", out.books}, {"covers", out.covers}});
  return out;
}

}  // namespace carrel::ingest
