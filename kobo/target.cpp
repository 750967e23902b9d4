#include "kobo/target.hpp"

#include <algorithm>
#include <tuple>

#include "server/core/digest.hpp"

namespace carrel::kobo {
namespace {

// Grouped and sorted here rather than there: it is the longest wait of a first sync. Moments are microseconds since 1970, which a
// double holds exactly: written out as dates they were a third of the statement. An id of 36 characters is said once a row: books
// go by their entitlements, and a shelf by a hash of 64 bits that the collections below have, too.
#define CARREL_SHELF(ID) "uuid_hash_extended(" ID ", 0)"
#define CARREL_TARGET(OFFERED) \
  "select " CARREL_SHELF("o.shelf_id") ", o.place, (date_part('epoch', o.added_at) * 1e6)::bigint, o.entitlement," \
  "       o.version, o.file_version, s.revision, nullif(o.pending, false) from " OFFERED " o"                      \
  "  left join kobo_states s on s.user_id = $2 and s.entitlement = o.entitlement"                                  \
  " where o.entitlement not in (select t.id from kobo_tombstones t where t.kobo_id = $3 and t.subject = 1)"
constexpr db::statement sql_target{
    "kobo.target",
    CARREL_TARGET("kobo_offered($1, $4)") " and exists (select from visible_books($2) v where v.id = o.book_id offset 0)"};
// What each book has to be asked for where it may be hidden keeps the planner from reading index and shelf side by side.
constexpr db::statement sql_whole_target{"kobo.whole_target", CARREL_TARGET("kobo_offered($1)")};
constexpr db::statement sql_whole_own_target{"kobo.whole_own_target", CARREL_TARGET("kobo_offered($1, $4)")};
#undef CARREL_TARGET

// What the device was told of them. In one go: the ledger grows while a first sync goes on, and a plan that was made when it was
// small reads it once a page at worst, not once a book.
constexpr db::statement sql_told{"kobo.told_of_books", R"sql(
  select id, first_announced_at, told_series from kobo_ledger
   where kobo_id = $1 and subject = 1 and id = any ($2::uuid[]))sql"};

// With all that a page says of its books, and nothing else: a sync is mostly this statement.
constexpr db::statement sql_deliveries{"kobo.deliveries", R"sql(
  select w.entitlement, w.added_at, b.title, b.subtitle, b.description, b.publisher, b.published_on, coalesce(b.isbn_13, ''),
         coalesce(b.languages[1], ''), b.series_id, s.name, b.series_index, c.sha256, b.updated_at, b.fixed_layout,
         array(select p.name from book_people bp join people p on p.id = bp.person_id
                where bp.book_id = b.id and bp.role = 'aut' order by bp.position),
         f.id, f.slug, f.storage_path, f.checksum, f.file_size, f.is_kepub, f.missing_since is not null,
         coalesce(f.facts ->> 'epub_version', '') like '3%', f.original_name,
         a.id, a.source, a.version, a.options, a.checksum, a.file_size, w.preparing
    from kobo_wanted($1, $2, $5) w
    join books b on b.id = w.book_id
    join book_files f on f.id = w.file_id
    left join kobo_styled k on k.file_id = f.id and k.style = $6
    left join kobo_artifacts a on a.id = case $6 when '' then f.kobo_as when 'as-is' then null else k.kobo_as end
    left join series s on s.id = b.series_id
    left join covers c on c.id = b.cover_id
   where w.book_id = any (array(select b.id from books b where b.entitlement = any ($4::uuid[])))
     and w.entitlement not in (select t.id from kobo_tombstones t where t.kobo_id = $3 and t.subject = 1))sql"};

// Collections that were made on any of the reader's devices go to all of them (11).
#define CARREL_COLLECTIONS(FEEDING, MEMBERS) \
  "select s.id, s.name, s.created_at, greatest(s.updated_at, s.created_at), " FEEDING MEMBERS ", " CARREL_SHELF("s.id")  \
  "  from shelves s"                                                                                                     \
  " cross join lateral (select s.id in (select fs.shelf_id from feeding_shelves fs where fs.device_id = $1) as feeds) f" \
  " where s.collection and (f.feeds or (s.user_id = $2 and s.origin = 'device'))"                                        \
  "   and not exists (select from kobo_tombstones t where t.kobo_id = $3 and t.subject = 3 and t.id = s.id)"             \
  " order by s.position, s.name_key, s.id"
#define CARREL_MEMBERS \
  "array(select sb.entitlement from shelf_books sb where sb.shelf_id = s.id order by sb.position, sb.entitlement)"
constexpr db::statement sql_collections{"kobo.collections", CARREL_COLLECTIONS("", CARREL_MEMBERS)};
constexpr db::statement sql_other_collections{"kobo.other_collections",
                                              CARREL_COLLECTIONS("case when not f.feeds then ", CARREL_MEMBERS " end")};
#undef CARREL_MEMBERS
#undef CARREL_COLLECTIONS
#undef CARREL_SHELF

// The digest only tells whether the list changed since it was last asked; the revision is what counts (17.1, 4).
constexpr db::statement sql_revisions{"kobo.tag_revisions", R"sql(
  insert into kobo_tags as t (kobo_id, id, digest)
  select $1, w.id, w.digest from unnest($2::uuid[], $3::bytea[]) as w (id, digest) order by w.id
      on conflict (kobo_id, id) do update set digest = excluded.digest,
         revision = t.revision + case when t.digest = excluded.digest then 0 else 1 end
  returning id, revision)sql"};

}  // namespace

target read_target(db::tx& tx, const kobo_ids& k) {
  struct dated {
    std::int64_t added;
    target_book is;
  };
  std::vector<dated> books;
  std::unordered_map<uuid, std::size_t> known;
  target out;
  bool usual = k.largest == 0 && k.style.empty();
  db::rows rows = k.sees_all && usual
                      ? tx.run(sql_whole_target, k.device, k.user, k.row)
                      : tx.run(k.sees_all ? sql_whole_own_target : sql_target, k.device, k.user, k.row, k.largest);
  books.reserve(rows.size());
  known.reserve(rows.size());
  out.shelved.reserve(rows.size());
  for (const db::row& r : rows) {
    target_book b{.id = r.id(3),
                  .is = {.meta = r.integer(4), .file = r.integer(5)},
                  .state = r.maybe_integer(6).value_or(0),
                  .pending = !r.is_null(7)};
    out.shelved.push_back({.shelf = r.integer(0), .place = r.integer(1), .id = b.id});
    auto [at, fresh] = known.try_emplace(b.id, books.size());
    if (fresh)
      books.push_back({r.integer(2), b});
    else
      books[at->second].added = std::min(books[at->second].added, r.integer(2));
  }
  std::sort(books.begin(), books.end(),
            [](const dated& a, const dated& b) { return std::tie(b.added, b.is.id) < std::tie(a.added, a.is.id); });
  out.books.reserve(books.size());
  for (const dated& b : books) out.books.push_back(b.is);
  return out;
}

namespace {

deliverable deliverable_from(const db::row& r) {
  deliverable out{.file = r.id(16),
                  .slug = r.text(17),
                  .original_name = r.text(24),
                  .storage_path = r.text(18),
                  .made = {},
                  .checksum = r.text(19),
                  .size = r.integer(20),
                  .is_kepub = r.flag(21),
                  .missing = r.flag(22),
                  .fixed_layout = r.flag(14),
                  .epub3 = r.flag(23)};
  if (r.is_null(25)) return out;
  out.made = artifact{.id = r.id(25),
                      .source = r.text(26),
                      .version = static_cast<int>(r.integer(27)),
                      .form = r.text(28),
                      .checksum = r.text(29),
                      .size = r.integer(30)};
  out.checksum = out.made->checksum;
  out.size = out.made->size;
  out.is_kepub = true;
  return out;
}

}  // namespace

std::unordered_map<uuid, delivery> read_deliveries(db::tx& tx, const kobo_ids& k, const std::vector<uuid>& entitlements) {
  std::unordered_map<uuid, delivery> out;
  for (const db::row& r : tx.run(sql_deliveries, k.device, k.user, k.row, entitlements, k.largest, k.style)) {
    out.emplace(r.id(0), delivery{.title = r.text(2),
                                  .subtitle = r.text(3),
                                  .description = r.text(4),
                                  .publisher = r.text(5),
                                  .published_on = r.text(6),
                                  .isbn = r.text(7),
                                  .language = r.text(8),
                                  .authors = r.texts(15),
                                  .series_id = r.maybe_id(9),
                                  .series = r.text(10),
                                  .series_index = r.maybe_real(11),
                                  .cover_version = library::cover_version(r.view(12)),
                                  .file = deliverable_from(r),
                                  .added = r.at(1),
                                  .updated_at = r.at(13),
                                  .first_told = {},
                                  .told_series = false,
                                  .pending = r.flag(22) || r.flag(31),
                                  .preparing = r.flag(31)});
  }
  for (const db::row& r : tx.run(sql_told, k.row, entitlements)) {
    auto at = out.find(r.id(0));
    if (at == out.end()) continue;
    at->second.first_told = r.at(1);
    at->second.told_series = r.flag(2);
  }
  return out;
}

namespace {

// `member`: whether the device knows it.
template <class F>
collection collection_from(const db::row& r, F member) {
  collection out{.id = r.id(0), .name = r.text(1), .created = r.at(2), .changed = r.at(3), .members = {}};
  if (r.is_null(4)) return out;
  for (const uuid& id : r.ids(4)) {
    if (member(id)) out.members.push_back(id);
  }
  return out;
}

}  // namespace

std::vector<collection> read_collections(db::tx& tx, const kobo_ids& k, const std::unordered_set<uuid>& among) {
  std::vector<collection> out;
  for (const db::row& r : tx.run(sql_collections, k.device, k.user, k.row))
    out.push_back(collection_from(r, [&](const uuid& id) { return among.contains(id); }));
  return out;
}

std::vector<collection> read_collections(db::tx& tx, const kobo_ids& k, const target& t) {
  std::unordered_map<std::int64_t, std::vector<shelved_book>> shelves;
  for (const shelved_book& b : t.shelved) shelves[b.shelf].push_back(b);
  std::unordered_set<uuid> wanted;  // filled when it is needed: lists that were made on a device are seldom
  auto is_wanted = [&](const uuid& id) {
    if (wanted.empty()) {
      for (const target_book& b : t.books) wanted.insert(b.id);
    }
    return wanted.contains(id);
  };
  std::vector<collection> out;
  for (const db::row& r : tx.run(sql_other_collections, k.device, k.user, k.row)) {
    collection c = collection_from(r, is_wanted);
    auto at = shelves.find(r.integer(5));
    if (at != shelves.end()) {
      std::sort(at->second.begin(), at->second.end(),
                [](const shelved_book& a, const shelved_book& b) { return std::tie(a.place, a.id) < std::tie(b.place, b.id); });
      for (const shelved_book& b : at->second) c.members.push_back(b.id);
    }
    out.push_back(std::move(c));
  }
  return out;
}

std::vector<target_tag> revisions_of(db::tx& tx, const kobo_ids& k, const std::vector<collection>& all) {
  if (all.empty()) return {};
  std::vector<uuid> ids;
  std::vector<db::bytes> digests;
  for (const collection& c : all) {
    std::string content = c.name + '\0';
    for (const uuid& id : c.members) content.append(id.bytes.begin(), id.bytes.end());
    ids.push_back(c.id);
    digests.push_back({sha256_raw(content)});
  }
  std::unordered_map<uuid, std::int64_t> revisions;
  for (const db::row& r : tx.run(sql_revisions, k.row, ids, digests)) revisions[r.id(0)] = r.integer(1);
  std::vector<target_tag> out;
  out.reserve(all.size());
  for (const collection& c : all) out.push_back({.id = c.id, .revision = revisions.at(c.id), .members = c.members});
  return out;
}

}  // namespace carrel::kobo
