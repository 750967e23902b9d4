#include "ingest/group.hpp"

#include <algorithm>
#include <map>

#include "ingest/names.hpp"
#include "ingest/tracks.hpp"
#include "library/audio_edition.hpp"
#include "server/core/text.hpp"

namespace carrel::ingest {
namespace {

constexpr db::statement sql_groups_of{"ingest.groups_of_items", R"sql(
  select id, group_id from ingest_items where id = any ($1::uuid[]) and group_id is not null order by group_id)sql"};

// Files of recordings below a folder, the newest first.
constexpr db::statement sql_lay_there{"ingest.groups_below_folder", R"sql(
  select i.group_id, i.source_path
    from ingest_items i join ingest_groups g on g.id = i.group_id and g.tracks and not g.loose
   where i.source_path > $1 and i.source_path < $2 and i.file_id is not null and i.state <> 'vanished'
   order by i.created_at desc, i.id desc limit 1000)sql"};

constexpr db::statement sql_make{"ingest.make_group",
                                 "insert into ingest_groups (id, tracks, loose, named) values ($1, $2, $3, $4)"};

constexpr db::statement sql_join{"ingest.join_group", R"sql(
  update ingest_items set group_id = $1, updated_at = clock_timestamp() where id = any ($2::uuid[]) and group_id is null)sql"};

constexpr db::statement sql_sidecars{"ingest.store_sidecars", R"sql(
  insert into sidecars (id, group_id, kind, name, rank, source_path, dev, ino, size, mtime_ns, policy)
  select w.id, $1, w.kind, w.name, w.rank, decode(w.path, 'hex'), w.dev, w.ino, w.size, w.mtime, $2
    from unnest($3::uuid[], $4::text[], $5::text[], $6::int[], $7::text[], $8::bigint[], $9::bigint[], $10::bigint[], $11::bigint[])
         as w (id, kind, name, rank, path, dev, ino, size, mtime)
  on conflict (group_id, source_path) do update
     set dev = excluded.dev, ino = excluded.ino, size = excluded.size, mtime_ns = excluded.mtime_ns, policy = excluded.policy,
         book_id = case when (sidecars.ino, sidecars.size, sidecars.mtime_ns) = (excluded.ino, excluded.size, excluded.mtime_ns)
                        then sidecars.book_id end,
         source_done = false, updated_at = clock_timestamp()
   where (sidecars.ino, sidecars.size, sidecars.mtime_ns, sidecars.policy)
         is distinct from (excluded.ino, excluded.size, excluded.mtime_ns, excluded.policy))sql"};

constexpr db::statement sql_reopen{"ingest.reopen_group", R"sql(
  update ingest_groups set ended = false, sorted = sorted and not $2, updated_at = clock_timestamp()
   where id = $1 and (ended or (sorted and $2)))sql"};

constexpr db::statement sql_forget{"ingest.forget_groups", R"sql(
  delete from ingest_groups g where g.id = any ($1::uuid[]) and not exists (select from ingest_items i where i.group_id = g.id))sql"};

constexpr db::statement sql_group_of{"ingest.group_of_item",
                                     "select group_id from ingest_items where id = $1 and group_id is not null"};

constexpr db::statement sql_first{"ingest.first_of_group", R"sql(
  select id from ingest_items where group_id = $1 order by id limit 1)sql"};

constexpr db::statement sql_items{"ingest.items_of_group", R"sql(
  select id, source_path, state, part, error_code, policy = 'keep', file_id, position, leads from ingest_items
   where group_id = $1
   order by state not in ('organised', 'inbox', 'duplicate'), not leads, position, source_path, id)sql"};

constexpr db::statement sql_sidecars_of{"ingest.sidecars_of_group", R"sql(
  select id, kind, name, source_path, dev, ino, size, mtime_ns, policy = 'keep', source_done, book_id is not null, sha256, storage_path,
         error_code
    from sidecars where group_id = $1 order by rank, id)sql"};

constexpr db::statement sql_group{"ingest.find_group",
                                  "select tracks, loose, sorted, ended, named from ingest_groups where id = $1"};

constexpr db::statement sql_book{"ingest.book_of_group", R"sql(
  select g.book_id from ingest_group_books g join ingest_groups all_of on all_of.id = g.group_id join books b on b.id = g.book_id
   where g.group_id = $1 and g.part = $2 and (b.deleted_at is null or all_of.tracks) and b.merged_into is null for update of b)sql"};

constexpr db::statement sql_books{"ingest.books_of_group", R"sql(
  select g.part, coalesce((select nullif(c.normalized ->> 'title', '') from book_metadata_candidates c
                            where c.book_id = b.id and c.source = 'embedded' order by c.source_key limit 1), b.title),
         b.deleted_at is not null
    from ingest_group_books g join books b on b.id = g.book_id and b.merged_into is null
   where g.group_id = $1 order by g.part)sql"};

constexpr db::statement sql_set_book{"ingest.set_book_of_group", R"sql(
  insert into ingest_group_books (group_id, part, book_id) values ($1, $2, $3)
      on conflict (group_id, part) do update set book_id = excluded.book_id)sql"};

constexpr db::statement sql_told{"ingest.mark_told", R"sql(
  update sidecars set book_id = $2, sha256 = $3, storage_path = $4, error_code = $5, updated_at = clock_timestamp() where id = $1)sql"};

constexpr db::statement sql_sidecar_done{"ingest.mark_sidecar_done", R"sql(
  update sidecars set source_done = true, updated_at = clock_timestamp() where id = $1 and not source_done)sql"};

constexpr db::statement sql_place{"ingest.place_in_group", R"sql(
  update ingest_items i set part = w.part, position = w.position, leads = w.leads, updated_at = clock_timestamp()
    from unnest($1::uuid[], $2::text[], $3::int[], $4::boolean[]) as w (id, part, position, leads)
   where i.id = w.id and (i.part, i.position, i.leads) is distinct from (w.part, w.position, w.leads))sql"};
constexpr db::statement sql_sorted{"ingest.mark_group_sorted",
                                   "update ingest_groups set sorted = true where id = $1 and not sorted"};

constexpr db::statement sql_end{"ingest.mark_group_ended", R"sql(
  update ingest_groups set ended = true, updated_at = clock_timestamp() where id = $1 and not ended)sql"};

const char* kind_of(publication::sidecar s) {
  switch (s) {
    case publication::sidecar::opf: return "opf";
    case publication::sidecar::json: return "json";
    case publication::sidecar::picture: return "picture";
    case publication::sidecar::other: return "other";
  }
  return "";
}

bool store_sidecars(db::tx& tx, const uuid& group, const std::vector<companion>& all, bool keep) {
  if (all.empty()) return false;
  std::vector<uuid> ids;
  std::vector<std::string> kinds, names, paths;
  std::vector<int> ranks;
  std::vector<std::int64_t> dev, ino, size, mtime;
  for (const companion& c : all) {
    ranks.push_back(c.as.rank);
    sidecar_row row = sidecar_from(c, keep);
    ids.push_back(row.id);
    kinds.push_back(row.kind);
    names.push_back(row.name);
    paths.push_back(hex(row.source_path));
    dev.push_back(row.who.dev);
    ino.push_back(row.who.ino);
    size.push_back(row.who.size);
    mtime.push_back(row.who.mtime_ns);
  }
  return tx.run(sql_sidecars, group, keep ? "keep" : "move", ids, kinds, names, ranks, paths, dev, ino, size, mtime).affected() >
         0;
}

std::string home_of(const std::string& recording) {
  std::filesystem::path folder = std::filesystem::path(recording).parent_path();
  return (is_disc_folder(folder.filename().native()) ? folder.parent_path() : folder).native();
}

// All of them may be other files than those that lay there before: the group is that of the folder.
std::optional<uuid> group_of_folder(db::tx& tx, const unit& u) {
  if (!u.tracks || u.loose || u.named.empty() || u.files.empty()) return std::nullopt;
  std::string home = home_of(u.files.front().path);
  for (const db::row& r : tx.run(sql_lay_there, db::bytes{home + "/"}, db::bytes{home + "0"})) {  // '0' is the byte after '/'
    if (is_recording(r.raw(1)) && home_of(r.raw(1)) == home) return r.id(0);
  }
  return std::nullopt;
}

// A group that one of the files was in before is the same group.
void store_group(db::tx& tx, const unit& u, const item& like, std::optional<uuid> known, stored_unit& out) {
  bool news = !known;
  out.group = known ? *known : uuid::make();
  if (news) tx.run(sql_make, *out.group, u.tracks, u.loose, shown_name(u.named));
  std::vector<uuid> ids;
  for (const found_item& f : out.items) ids.push_back(f.id);
  bool joined = tx.run(sql_join, *out.group, ids).affected() > 0;
  news = joined || news;
  news = store_sidecars(tx, *out.group, u.beside, like.keep) || news;
  news = news || std::any_of(out.items.begin(), out.items.end(), [](const found_item& f) { return f.fresh; });
  if (news) tx.run(sql_reopen, *out.group, joined);
}

}  // namespace

sidecar_row sidecar_from(const companion& c, bool keep) {
  return {.id = uuid::make(),
          .kind = kind_of(c.as.kind),
          .name = shown_name(std::filesystem::path(c.what.path).filename().native()),
          .source_path = c.what.path,
          .who = c.what.who,
          .keep = keep,
          .sha256 = {},
          .storage_path = {},
          .error_code = {}};
}

std::vector<stored_unit> store_units(db::tx& tx, const std::vector<unit>& all, const item& like) {
  std::vector<finding> files;
  for (const unit& u : all) files.insert(files.end(), u.files.begin(), u.files.end());
  std::vector<found_item> rows = store_findings(tx, files, like);
  std::vector<uuid> ids;
  for (const found_item& r : rows) ids.push_back(r.id);
  std::map<uuid, uuid> groups;
  for (const db::row& r : tx.run(sql_groups_of, ids)) groups.emplace(r.id(0), r.id(1));

  std::vector<stored_unit> out;
  auto next = rows.begin();
  for (const unit& u : all) {
    stored_unit& s = out.emplace_back();
    std::optional<uuid> known;
    for (std::size_t i = 0; i < u.files.size(); ++i, ++next) {
      s.items.push_back(*next);
      if (auto at = groups.find(next->id); at != groups.end() && (!known || at->second < *known)) known = at->second;
    }
    if (!known) known = group_of_folder(tx, u);
    if (known || !u.alone()) store_group(tx, u, like, known, s);
  }
  return out;
}

void forget_empty_groups(db::tx& tx, const std::vector<uuid>& groups) { tx.run(sql_forget, groups); }

std::optional<uuid> group_of(db::tx& tx, const uuid& item) {
  db::rows rows = tx.run(sql_group_of, item);
  return rows.empty() ? std::nullopt : std::optional(rows[0].id(0));
}

uuid first_of_group(db::tx& tx, const uuid& group) { return tx.run(sql_first, group)[0].id(0); }

group_rows find_group(db::tx& tx, const uuid& id) {
  group_rows out;
  for (const db::row& r : tx.run(sql_items, id)) {
    out.items.push_back({.id = r.id(0),
                         .source_path = r.raw(1),
                         .state = r.text(2),
                         .part = r.text(3),
                         .error_code = r.text(4),
                         .keep = r.flag(5),
                         .file = r.maybe_id(6),
                         .position = static_cast<int>(r.integer(7)),
                         .leads = r.flag(8),
                         .title = {},
                         .outdated = false});
  }
  for (const db::row& r : tx.run(sql_sidecars_of, id)) {
    sidecar_row s;
    s.id = r.id(0);
    s.kind = r.text(1);
    s.name = r.text(2);
    s.source_path = r.raw(3);
    s.who = {r.integer(4), r.integer(5), r.integer(6), r.integer(7)};
    s.keep = r.flag(8);
    s.source_done = r.flag(9);
    s.told = r.flag(10);
    s.sha256 = r.text(11);
    s.storage_path = r.text(12);
    s.error_code = r.text(13);
    out.sidecars.push_back(std::move(s));
  }
  for (const db::row& r : tx.run(sql_group, id)) {
    out.tracks = r.flag(0);
    out.loose = r.flag(1);
    out.sorted = r.flag(2);
    out.ended = r.flag(3);
    out.named = r.text(4);
  }
  return out;
}

std::optional<uuid> book_of_group(db::tx& tx, const uuid& group, const std::string& part) {
  db::rows rows = tx.run(sql_book, group, part);
  return rows.empty() ? std::nullopt : std::optional(rows[0].id(0));
}

std::vector<group_book> books_of_group(db::tx& tx, const uuid& group) {
  std::vector<group_book> out;
  for (const db::row& r : tx.run(sql_books, group)) out.push_back({.part = r.text(0), .title = r.text(1), .trashed = r.flag(2)});
  return out;
}

void set_book_of_group(db::tx& tx, const uuid& group, const std::string& part, const uuid& book) {
  tx.run(sql_set_book, group, part, book);
}

void mark_sorted(db::tx& tx, const uuid& group, const std::vector<group_item>& all, bool for_good) {
  std::vector<uuid> ids;
  std::vector<std::string> parts;
  std::vector<int> positions;
  std::vector<bool> leads;
  for (const group_item& i : all) {
    ids.push_back(i.id);
    parts.push_back(i.part);
    positions.push_back(i.position);
    leads.push_back(i.leads);
  }
  tx.run(sql_place, ids, parts, positions, leads);
  std::vector<uuid> superseded;
  for (const group_item& i : all) {
    if (i.outdated && i.file) superseded.push_back(*i.file);
  }
  if (!superseded.empty()) library::mark_superseded(tx, superseded);
  if (for_good) tx.run(sql_sorted, group);
}

void mark_told(db::tx& tx, const sidecar_row& s, const uuid& book) {
  tx.run(sql_told, s.id, book, s.sha256, s.storage_path, s.error_code);
}

void mark_sidecar_done(db::tx& tx, const uuid& id) { tx.run(sql_sidecar_done, id); }

void mark_group_ended(db::tx& tx, const uuid& id) { tx.run(sql_end, id); }

}  // namespace carrel::ingest
