#include "kobo/target.hpp"

#include <algorithm>

#include "server/core/digest.hpp"

namespace carrel::kobo {
namespace {

constexpr db::statement sql_target{"kobo.target", R"sql(
  select w.entitlement, w.version, w.file_version, coalesce(s.revision, 0), w.missing, w.book_id
    from kobo_wanted($1, $2, $5) w
    left join kobo_states s on s.user_id = $2 and s.entitlement = w.entitlement
   where not exists (select from kobo_tombstones t where t.kobo_id = $3 and t.subject = 1 and t.id = w.entitlement)
     and ($4::uuid[] is null or w.entitlement = any ($4::uuid[]))
   order by w.added_at desc, w.book_id desc)sql"};

constexpr db::statement sql_deliveries{"kobo.deliveries", R"sql(
  select w.entitlement, w.book_id, w.file_id, w.added_at, w.fixed_layout, w.epub_version like '3%'
    from kobo_wanted($1, $2, $5) w
   where w.book_id = any (array(select b.id from books b where b.entitlement = any ($4::uuid[])))
     and not exists (select from kobo_tombstones t where t.kobo_id = $3 and t.subject = 1 and t.id = w.entitlement))sql"};

// Collections that were made on any of the reader's devices go to all of them (11).
#define CARREL_COLLECTIONS(MEMBERS)                                                                          \
  "select s.id, s.name, s.created_at, greatest(s.updated_at, s.created_at), array(" MEMBERS                  \
  ")"                                                                                                        \
  "  from shelves s"                                                                                         \
  " where s.collection"                                                                                      \
  "   and (s.id in (select fs.shelf_id from feeding_shelves fs where fs.device_id = $1)"                     \
  "        or (s.user_id = $2 and s.origin = 'device'))"                                                     \
  "   and not exists (select from kobo_tombstones t where t.kobo_id = $3 and t.subject = 3 and t.id = s.id)" \
  " order by s.position, s.name_key, s.id"
constexpr db::statement sql_collections{
    "kobo.collections", CARREL_COLLECTIONS("select b.entitlement from shelf_books sb join books b on b.id = sb.book_id"
                                           " where sb.shelf_id = s.id order by sb.position, b.id")};
constexpr db::statement sql_by_book{
    "kobo.collections_by_book",
    CARREL_COLLECTIONS("select sb.book_id from shelf_books sb where sb.shelf_id = s.id order by sb.position, sb.book_id")};
#undef CARREL_COLLECTIONS
constexpr db::statement sql_books{"kobo.books_by_entitlement",
                                  "select id, entitlement from books where entitlement = any ($1::uuid[])"};

// The digest only tells whether the list changed since it was last asked; the revision is what counts (17.1, 4).
constexpr db::statement sql_revisions{"kobo.tag_revisions", R"sql(
  insert into kobo_tags as t (kobo_id, id, digest)
  select $1, w.id, w.digest from unnest($2::uuid[], $3::bytea[]) as w (id, digest) order by w.id
      on conflict (kobo_id, id) do update set digest = excluded.digest,
         revision = t.revision + case when t.digest = excluded.digest then 0 else 1 end
  returning id, revision)sql"};

}  // namespace

std::vector<target_book> read_target(db::tx& tx, const kobo_ids& k, const std::optional<std::vector<uuid>>& only) {
  std::vector<target_book> out;
  for (const db::row& r : tx.run(sql_target, k.device, k.user, k.row, only, k.largest)) {
    out.push_back({.id = r.id(0),
                   .book = r.id(5),
                   .is = {.meta = r.integer(1), .file = r.integer(2)},
                   .state = r.integer(3),
                   .pending = r.flag(4)});
  }
  return out;
}

std::unordered_map<uuid, delivery> read_deliveries(db::tx& tx, const kobo_ids& k, const std::vector<uuid>& entitlements) {
  struct found {
    uuid entitlement, file;
    instant added;
    bool fixed_layout, epub3;
  };
  std::unordered_map<uuid, found> by_book;
  std::vector<uuid> books;
  for (const db::row& r : tx.run(sql_deliveries, k.device, k.user, k.row, entitlements, k.largest)) {
    books.push_back(r.id(1));
    by_book[r.id(1)] = {.entitlement = r.id(0), .file = r.id(2), .added = r.at(3), .fixed_layout = r.flag(4), .epub3 = r.flag(5)};
  }
  std::unordered_map<uuid, delivery> out;
  for (library::book& b : library::load_books(tx, k.user, books)) {
    const found& f = by_book.at(b.id);
    auto file = std::find_if(b.files.begin(), b.files.end(), [&](const library::book_file& x) { return x.id == f.file; });
    if (file == b.files.end()) continue;
    library::book_file chosen = *file;
    out.emplace(
        f.entitlement,
        delivery{
            .book = std::move(b), .file = std::move(chosen), .added = f.added, .fixed_layout = f.fixed_layout, .epub3 = f.epub3});
  }
  return out;
}

entitlements_by_book books_of(db::tx& tx, const std::unordered_set<uuid>& entitlements) {
  entitlements_by_book out;
  if (entitlements.empty()) return out;
  std::vector<uuid> all(entitlements.begin(), entitlements.end());
  for (const db::row& r : tx.run(sql_books, all)) out.emplace(r.id(0), r.id(1));
  return out;
}

namespace {

template <class F>
std::vector<collection> collections_of(db::tx& tx, const db::statement& sql, const kobo_ids& k, F member) {
  std::vector<collection> out;
  for (const db::row& r : tx.run(sql, k.device, k.user, k.row)) {
    collection c{.id = r.id(0), .name = r.text(1), .created = r.at(2), .changed = r.at(3), .members = {}};
    for (const uuid& id : r.ids(4)) {
      if (const uuid* entitlement = member(id)) c.members.push_back(*entitlement);
    }
    out.push_back(std::move(c));
  }
  return out;
}

}  // namespace

std::vector<collection> read_collections(db::tx& tx, const kobo_ids& k, const std::unordered_set<uuid>& among) {
  return collections_of(tx, sql_collections, k, [&](const uuid& id) { return among.contains(id) ? &id : nullptr; });
}

std::vector<collection> read_collections(db::tx& tx, const kobo_ids& k, const entitlements_by_book& among) {
  return collections_of(tx, sql_by_book, k, [&](const uuid& book) {
    auto at = among.find(book);
    return at == among.end() ? nullptr : &at->second;
  });
}

std::vector<target_tag> revisions_of(db::tx& tx, const kobo_ids& k, const std::vector<collection>& all) {
  if (all.empty()) return {};
  std::vector<uuid> ids;
  std::vector<db::bytes> digests;
  for (const collection& c : all) {
    std::string content = c.name;
    for (const uuid& id : c.members) content.append("\n").append(id.text());
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
