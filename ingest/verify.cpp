#include "ingest/in_place.hpp"
#include "ingest/library_acts.hpp"
#include "ingest/paths.hpp"
#include "library/book.hpp"
#include "library/revision.hpp"
#include "publication/fingerprint.hpp"
#include "server/core/log.hpp"
#include "server/jobs/queue.hpp"

namespace carrel::ingest {
namespace {

constexpr int page = 100;

// Those whose turn has not come since this run began: it goes on where it was interrupted.
constexpr db::statement sql_count{"ingest.count_to_verify", R"sql(
  select count(*) filter (where f.verified_at is null or f.verified_at < $2), count(*)
    from book_files f join books b on b.id = f.book_id
   where b.library_id = $1 and f.storage_path is not null)sql"};
constexpr db::statement sql_next{"ingest.next_to_verify", R"sql(
  select f.id, f.storage_path, f.checksum, f.file_size
    from book_files f join books b on b.id = f.book_id
   where b.library_id = $1 and f.storage_path is not null and (f.verified_at is null or f.verified_at < $2) and f.id > $3
   order by f.id limit $4)sql"};
constexpr db::statement sql_one{"ingest.one_to_verify", R"sql(
  select f.storage_path, f.checksum, b.library_id from book_files f join books b on b.id = f.book_id
   where f.id = $1 and f.storage_path is not null)sql"};
// What was found is true of the bytes that were asked for: a file that was written or moved while it was read is another.
constexpr db::statement sql_verified{"ingest.verified", R"sql(
  update book_files set verified_at = $2, missing_since = case when $3 then coalesce(missing_since, clock_timestamp()) end,
         damaged_since = case when $4 then coalesce(damaged_since, clock_timestamp()) end
   where id = $1 and storage_path = $5 and checksum = $6)sql"};

// A file that is read in place may have been written to since it was last looked at: that is a change, and the next scan reads
// it.
constexpr db::statement sql_as_scanned{"ingest.as_scanned", R"sql(
  select exists (select from library_files where file_id = $1 and state = 'book' and ino = $2 and size = $3 and mtime_ns = $4))sql"};

struct finding_of {
  bool missing = false, damaged = false;
};

finding_of look_at(const services& s, const uuid& id, const std::string& path, const std::string& checksum) {
  std::filesystem::path where = s.store.absolute(path);
  bool external = library::is_external(path);
  result<source> in = error{"source_gone", ""};
  if (external) {
    file opened(library::open_without_links(where));
    struct stat facts {};
    if (opened && ::fstat(opened.get(), &facts) == 0 && S_ISREG(facts.st_mode))
      in = source{std::move(opened), identity_of(facts)};
  } else {
    in = open_source(where);
  }
  if (!in) return {.missing = true};
  result<std::string> sum = publication::sha256_of(in->handle.get());
  if (sum && *sum == checksum) return {};
  if (external && !s.pool.read_now([&](db::tx& tx) {
        return tx.run(sql_as_scanned, id, in->who.ino, in->who.size, in->who.mtime_ns)[0].flag(0);
      }))
    return {};
  return {.damaged = true};
}

bool note(db::tx& tx, const uuid& id, const std::string& path, const std::string& checksum, const finding_of& f) {
  return tx.run(sql_verified, id, now(), f.missing, f.damaged, path, checksum).affected() > 0;
}

void verify(const services& s, const carrel::jobs::job& j, carrel::jobs::progress& p) {
  std::optional<uuid> library = uuid::parse(j.payload_text("library"));
  if (!library) throw carrel::jobs::give_up("the job names no library");
  auto [left, all] = s.pool.read_now([&](db::tx& tx) {
    db::rows rows = tx.run(sql_count, *library, j.created_at);
    return std::pair(rows[0].integer(0), rows[0].integer(1));
  });
  std::int64_t done = all - left, missing = 0, damaged = 0;
  for (uuid after;;) {
    db::rows rows = s.pool.read_now([&](db::tx& tx) { return tx.run(sql_next, *library, j.created_at, after, page); });
    if (rows.empty()) break;
    for (const db::row& r : rows) {
      if (p.stopping()) return;
      after = r.id(0);
      finding_of f = look_at(s, after, r.text(1), r.text(2));
      if (s.pool.write_now([&](db::tx& tx) { return note(tx, after, r.text(1), r.text(2), f); })) {
        missing += f.missing ? 1 : 0;
        damaged += f.damaged ? 1 : 0;
        if (f.damaged) log::warn("library.damaged", {{"file", after}});
      }
      p.report(++done, all);
    }
  }
  s.pool.write_now([](db::tx& tx) { library::bump_revision(tx); });
  log::info("library.verify", {{"library", *library}, {"files", all}, {"missing", missing}, {"damaged", damaged}});
}

}  // namespace

bool look_again(const services& s, const uuid& file) {
  db::rows rows = s.pool.read_now([&](db::tx& tx) { return tx.run(sql_one, file); });
  if (rows.empty()) return false;
  finding_of f = look_at(s, file, rows[0].text(0), rows[0].text(1));
  bool noted = s.pool.write_now([&](db::tx& tx) {
    if (!note(tx, file, rows[0].text(0), rows[0].text(1), f)) return false;
    library::bump_revision(tx);
    std::optional<library::book_library> l = library::find_library(tx, rows[0].id(2));
    if (l && l->in_place()) enqueue_scan(tx, *l, false);
    return true;
  });
  return noted ? !f.missing && !f.damaged : look_again(s, file);
}

uuid enqueue_verify(db::tx& tx, const library::book_library& l, const std::optional<uuid>& user) {
  json::object payload{{"library", l.id}, {"name", l.name}};
  return carrel::jobs::enqueue(tx, "library.verify", l.id.text(), payload, {}, user);
}

void register_verify(carrel::jobs::workers& w, const services& s) {
  w.on("library.verify", [&s](const carrel::jobs::job& j, carrel::jobs::progress& p) { verify(s, j, p); });
}

}  // namespace carrel::ingest
