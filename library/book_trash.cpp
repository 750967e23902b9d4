#include "library/book.hpp"
#include "library/revision.hpp"

namespace carrel::library {
namespace {

constexpr db::statement sql_trash{"library.trash_books", R"sql(
  update books set deleted_at = clock_timestamp(), version = version + 1, updated_at = greatest(clock_timestamp(), updated_at)
   where id = any ($1::uuid[]) and deleted_at is null returning id)sql"};
constexpr db::statement sql_untrash{"library.untrash_books", R"sql(
  update books set deleted_at = null, version = version + 1, updated_at = greatest(clock_timestamp(), updated_at)
   where id = any ($1::uuid[]) and deleted_at is not null and merged_into is null returning id)sql"};
constexpr db::statement sql_approve{"library.approve_book", R"sql(
  update books b set status = 'organized', approved_at = clock_timestamp(), approved_by_rule = false, possible_duplicate_of = null,
         version = version + 1, updated_at = greatest(clock_timestamp(), updated_at)
    from (select id, possible_duplicate_of from books where id = $1 and status <> 'organized' for update) was
   where b.id = was.id returning was.possible_duplicate_of)sql"};
constexpr db::statement sql_missing{"library.mark_file_missing", R"sql(
  update book_files set missing_since = case when $2 then coalesce(missing_since, clock_timestamp()) end
   where id = $1 and (missing_since is not null) <> $2)sql"};

constexpr db::statement sql_away{"library.away_files", R"sql(
  select id, storage_path from book_files where missing_since is not null and storage_path is not null
   order by missing_since, id limit $1)sql"};

constexpr db::statement sql_bytes{"library.find_bytes", R"sql(
  select f.book_id, f.id, b.deleted_at is not null, coalesce(f.storage_path, '')
    from book_files f join books b on b.id = f.book_id where f.checksum = $1)sql"};

}  // namespace

int trash_books(db::tx& tx, const std::vector<uuid>& books, const actor& who) {
  db::rows rows = tx.run(sql_trash, books);
  for (const db::row& r : rows) record(tx, who, "book.trash", "book", r.id(0));
  if (!rows.empty()) bump_revision(tx);
  return static_cast<int>(rows.size());
}

int untrash_books(db::tx& tx, const std::vector<uuid>& books, const actor& who) {
  db::rows rows = tx.run(sql_untrash, books);
  for (const db::row& r : rows) record(tx, who, "book.untrash", "book", r.id(0));
  if (!rows.empty()) bump_revision(tx);
  return static_cast<int>(rows.size());
}

void approve_book(db::tx& tx, const uuid& book, const actor& who) {
  db::rows rows = tx.run(sql_approve, book);
  if (rows.empty()) return;
  json::object detail;  // what taking it back needs (review.hpp)
  if (std::optional<uuid> same = rows[0].maybe_id(0)) detail.set("possible_duplicate_of", *same);
  record(tx, who, "book.approve", "book", book, detail);
  bump_revision(tx);
}

void mark_file_missing(db::tx& tx, const uuid& file, bool missing) {
  if (tx.run(sql_missing, file, missing).affected() > 0) bump_revision(tx);
}

std::vector<away_file> away_files(db::tx& tx, int most) {
  std::vector<away_file> out;
  for (const db::row& r : tx.run(sql_away, most)) out.push_back({.id = r.id(0), .storage_path = r.text(1)});
  return out;
}

std::optional<known_bytes> find_bytes(db::tx& tx, const std::string& sha256) {
  db::rows rows = tx.run(sql_bytes, sha256);
  if (rows.empty()) return std::nullopt;
  return known_bytes{.book = rows[0].id(0), .file = rows[0].id(1), .trashed = rows[0].flag(2), .storage_path = rows[0].text(3)};
}

}  // namespace carrel::library
