#include "library/file_outline.hpp"

#include "library/revision.hpp"

namespace carrel::library {
namespace {

constexpr db::statement sql_find{"library.find_outline", R"sql(
  select outline, refused, pages from file_outlines where file_id = $1 and checksum = $2)sql"};

// Nothing for a file that went, or whose bytes are others by now.
constexpr db::statement sql_store{"library.store_outline", R"sql(
  insert into file_outlines as o (file_id, checksum, pages, outline, refused)
  select f.id, f.checksum, $3, $4, $5 from book_files f where f.id = $1 and f.checksum = $2
      on conflict (file_id) do update
     set checksum = excluded.checksum, pages = excluded.pages, outline = excluded.outline, refused = excluded.refused, made_at = now())sql"};

constexpr db::statement sql_missing{"library.files_without_outline", R"sql(
  select f.id, f.checksum, f.original_name, f.storage_path
    from book_files f
   where f.format = any ($1::text[]) and f.drm = '' and f.storage_path is not null and f.missing_since is null
     and not exists (select from file_outlines o where o.file_id = f.id and o.checksum = f.checksum)
     and ($3::uuid is null or (f.created_at, f.id) < (select l.created_at, l.id from book_files l where l.id = $3))
   order by f.created_at desc, f.id desc
   limit $2)sql"};

}  // namespace

std::optional<stored_outline> find_outline(db::tx& tx, const uuid& file, const std::string& checksum) {
  db::rows rows = tx.run(sql_find, file, checksum);
  if (rows.empty()) return std::nullopt;
  const db::row& r = rows[0];
  return stored_outline{.json = r.text(0), .refused = r.text(1), .pages = static_cast<int>(r.integer(2))};
}

void store_outline(db::tx& tx, const uuid& file, const std::string& checksum, const stored_outline& o) {
  if (tx.run(sql_store, file, checksum, o.pages, o.json, o.refused).affected() > 0 && o.pages > 0) bump_revision(tx);
}

std::vector<file_to_outline> files_without_outline(db::tx& tx, const std::vector<std::string>& formats,
                                                   const std::optional<uuid>& after, int most) {
  std::vector<file_to_outline> out;
  for (const db::row& r : tx.run(sql_missing, formats, most, after))
    out.push_back({.id = r.id(0), .checksum = r.text(1), .name = r.text(2), .storage_path = r.text(3)});
  return out;
}

}  // namespace carrel::library
