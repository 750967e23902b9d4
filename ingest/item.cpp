#include "ingest/item.hpp"

#include "ingest/names.hpp"
#include "publication/extractor_version.hpp"
#include "server/core/json.hpp"
#include "server/core/text.hpp"

namespace carrel::ingest {
namespace {

constexpr db::statement sql_store_findings{"ingest.store_findings", R"sql(
  insert into ingest_items (id, source, policy, approve, user_id, batch_id, state, source_path, display_name, dev, ino, size, mtime_ns)
  select w.id, $1, $2, $3, $4, $5, $6, decode(w.path, 'hex'), w.name, w.dev, w.ino, w.size, w.mtime
    from unnest($7::uuid[], $8::text[], $9::text[], $10::bigint[], $11::bigint[], $12::bigint[], $13::bigint[])
         as w (id, path, name, dev, ino, size, mtime)
  on conflict (source_path, ino, size, mtime_ns) where source_path is not null
  do update set dev = excluded.dev where ingest_items.dev <> excluded.dev)sql"};  // mounted again

constexpr db::statement sql_same_findings{"ingest.same_findings", R"sql(
  select w.place, i.id, i.state, i.state = 'failed' and i.error_code = 'source_unreadable', i.next_try_at is null
    from unnest($1::text[], $2::bigint[], $3::bigint[], $4::bigint[]) with ordinality as w (path, ino, size, mtime, place)
    join ingest_items i on i.source_path = decode(w.path, 'hex') and i.ino = w.ino and i.size = w.size and i.mtime_ns = w.mtime)sql"};

constexpr db::statement sql_find{"ingest.find_item", R"sql(
  select id, source, policy = 'keep', approve, user_id, batch_id, coalesce(source_path, ''), display_name, dev, ino, size, mtime_ns, state,
         source_done, error_code, error_detail, attempts, next_try_at, sha256, staging_path, target_path, quarantine_path, book_id, file_id
    from ingest_items where id = $1)sql"};

constexpr db::statement sql_store{"ingest.store_item", R"sql(
  insert into ingest_items (id, source, policy, approve, user_id, batch_id, display_name, dev, ino, size, mtime_ns, state, source_done,
                            sha256, staging_path, target_path)
  values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16))sql"};

constexpr db::statement sql_asked{"ingest.mark_asked", R"sql(
  update ingest_items set policy = $2, approve = $3, source_done = source_done and policy = $2, updated_at = clock_timestamp()
   where id = $1 and (policy, approve) is distinct from ($2, $3))sql"};

constexpr db::statement sql_kept{"ingest.mark_kept", R"sql(
  update ingest_items set policy = 'keep', updated_at = clock_timestamp() where id = $1)sql"};

constexpr db::statement sql_hashed{"ingest.mark_hashed", R"sql(
  update ingest_items set state = 'hashed', sha256 = $2, staging_path = $3, target_path = $4, error_code = '', error_detail = '',
         updated_at = clock_timestamp()
   where id = $1)sql"};

constexpr db::statement sql_stored{"ingest.mark_stored", R"sql(
  update ingest_items set state = $2, book_id = $3, file_id = $4, sha256 = $5, source_done = $6, warnings = $7::jsonb, error_code = '',
         error_detail = '', next_try_at = null, updated_at = clock_timestamp()
   where id = $1)sql"};

constexpr db::statement sql_source_done{"ingest.mark_source_done", R"sql(
  update ingest_items set source_done = true, updated_at = clock_timestamp() where id = $1 and not source_done)sql"};

constexpr db::statement sql_ended{"ingest.mark_ended", R"sql(
  update ingest_items set state = $2, error_code = $3, error_detail = $4, next_try_at = $5, quarantine_path = $6, source_done = $7,
         sha256 = $8, extractor_version = $9, attempts = attempts + 1, updated_at = clock_timestamp()
   where id = $1 and (state, error_code, error_detail, next_try_at, quarantine_path, source_done)
                  is distinct from ($2, $3, $4, $5, $6, $7))sql"};

constexpr db::statement sql_unreadable{"ingest.mark_unreadable", R"sql(
  update ingest_items set state = 'failed', error_code = 'source_unreadable', error_detail = $2, next_try_at = null,
         attempts = attempts + 1, updated_at = clock_timestamp()
   where id = $1 and state in ('seen', 'settled', 'vanished'))sql"};

// The item is at its end; the code is not shown with it but tells later whose source is left.
constexpr db::statement sql_source_stays{"ingest.mark_source_stays", R"sql(
  update ingest_items set source_done = true, error_code = 'source_stays', updated_at = clock_timestamp()
   where id = $1 and state in ('inbox', 'organised', 'duplicate'))sql"};

constexpr db::statement sql_waiting_for_space{"ingest.waiting_for_space", R"sql(
  select count(*) from ingest_items where state = 'failed' and error_code = 'disk_full' and dismissed_at is null)sql"};

struct columns {
  std::vector<uuid> ids;
  std::vector<std::string> paths, names;
  std::vector<std::int64_t> dev, ino, size, mtime;
};

columns columns_of(const std::vector<finding>& all) {
  columns c;
  for (const finding& f : all) {
    c.ids.push_back(uuid::make());
    c.paths.push_back(hex(f.path));
    c.names.push_back(shown_name(std::filesystem::path(f.path).filename().native()));
    c.dev.push_back(f.who.dev);
    c.ino.push_back(f.who.ino);
    c.size.push_back(f.who.size);
    c.mtime.push_back(f.who.mtime_ns);
  }
  return c;
}

}  // namespace

std::vector<found_item> store_findings(db::tx& tx, const std::vector<finding>& all, const item& like) {
  if (all.empty()) return {};
  columns c = columns_of(all);
  tx.run(sql_store_findings, like.origin, like.keep ? "keep" : "move", like.approve, like.user, like.batch, like.state, c.ids,
         c.paths, c.names, c.dev, c.ino, c.size, c.mtime);
  db::rows there = tx.run(sql_same_findings, c.paths, c.ino, c.size, c.mtime);
  std::vector<found_item> out(all.size());
  for (const db::row& r : there) {
    auto place = static_cast<std::size_t>(r.integer(0) - 1);
    out.at(place) = {r.id(1), r.text(2), r.id(1) == c.ids[place], r.flag(3)};
  }
  return out;
}

std::vector<bool> known_findings(db::tx& tx, const std::vector<finding>& all) {
  std::vector<bool> out(all.size(), false);
  if (all.empty()) return out;
  columns c = columns_of(all);
  db::rows there = tx.run(sql_same_findings, c.paths, c.ino, c.size, c.mtime);
  for (const db::row& r : there) {
    bool waits = r.text(2) == "seen" || r.text(2) == "vanished" || (r.flag(3) && r.flag(4));
    if (!waits) out.at(static_cast<std::size_t>(r.integer(0) - 1)) = true;
  }
  return out;
}

std::optional<item> find_item(db::tx& tx, const uuid& id) {
  db::rows rows = tx.run(sql_find, id);
  if (rows.empty()) return std::nullopt;
  const db::row& r = rows[0];
  item out;
  out.id = r.id(0);
  out.origin = r.text(1);
  out.keep = r.flag(2);
  out.approve = r.flag(3);
  out.user = r.maybe_id(4);
  out.batch = r.maybe_id(5);
  out.source_path = r.raw(6);
  out.display_name = r.text(7);
  out.who = {r.integer(8), r.integer(9), r.integer(10), r.integer(11)};
  out.state = r.text(12);
  out.source_done = r.flag(13);
  out.error_code = r.text(14);
  out.error_detail = r.text(15);
  out.attempts = static_cast<int>(r.integer(16));
  out.next_try_at = r.maybe_at(17);
  out.sha256 = r.text(18);
  out.staging_path = r.text(19);
  out.target_path = r.text(20);
  out.quarantine_path = r.text(21);
  out.book = r.maybe_id(22);
  out.file_id = r.maybe_id(23);
  return out;
}

void store_item(db::tx& tx, const item& i) {
  tx.run(sql_store, i.id, i.origin, i.keep ? "keep" : "move", i.approve, i.user, i.batch, i.display_name, i.who.dev, i.who.ino,
         i.who.size, i.who.mtime_ns, i.state, i.source_done, i.sha256, i.staging_path, i.target_path);
}

void mark_asked(db::tx& tx, const uuid& id, bool keep, bool approve) { tx.run(sql_asked, id, keep ? "keep" : "move", approve); }

void mark_kept(db::tx& tx, const uuid& id) { tx.run(sql_kept, id); }

void mark_hashed(db::tx& tx, const item& i) { tx.run(sql_hashed, i.id, i.sha256, i.staging_path, i.target_path); }

void mark_stored(db::tx& tx, const item& i) {
  tx.run(sql_stored, i.id, i.state, i.book, i.file_id, i.sha256, i.source_done, json::dump(warnings_to_json(i.warnings)));
}

void mark_source_done(db::tx& tx, const uuid& id) { tx.run(sql_source_done, id); }

void mark_ended(db::tx& tx, const item& i) {
  tx.run(sql_ended, i.id, i.state, i.error_code, i.error_detail, i.next_try_at, i.quarantine_path, i.source_done, i.sha256,
         publication::extractor_version);
}

void mark_unreadable(db::tx& tx, const uuid& id, const std::string& reason) { tx.run(sql_unreadable, id, reason); }

void mark_source_stays(db::tx& tx, const uuid& id) { tx.run(sql_source_stays, id); }

int count_waiting_for_space(db::tx& tx) { return static_cast<int>(tx.run(sql_waiting_for_space)[0].integer(0)); }

json::array warnings_to_json(const std::vector<publication::warning>& all) {
  json::array out;
  for (const publication::warning& w : all) {
    json::object one{{"code", w.code}, {"message", publication::message_for(w.code, w.detail)}};
    out.emplace_back(std::move(one));
  }
  return out;
}

}  // namespace carrel::ingest
