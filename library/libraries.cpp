#include "library/libraries.hpp"

#include "library/book.hpp"
#include "library/library_plan.hpp"
#include "library/revision.hpp"

namespace carrel::library {
namespace {

#define CARREL_LIBRARY \
  "select id, name, kind, root, pattern, trouble, trouble_since, scanned_at, scan_ms, takes_new, created_at from libraries "
constexpr db::statement sql_all{"library.libraries", CARREL_LIBRARY "where removed_at is null order by position, created_at, id"};
constexpr db::statement sql_find{"library.find_library", CARREL_LIBRARY "where id = $1 and removed_at is null"};
constexpr db::statement sql_named{"library.find_library_named",
                                  CARREL_LIBRARY "where lower(name) = lower($1) and removed_at is null"};
constexpr db::statement sql_trees{"library.all_trees", CARREL_LIBRARY "where kind = 'managed' and root <> ''"};
#undef CARREL_LIBRARY

constexpr db::statement sql_count_files{"library.count_library", R"sql(
  select count(distinct b.id), count(f.id), coalesce(sum(f.file_size), 0)::bigint, count(f.missing_since), count(f.damaged_since)
    from books b left join book_files f on f.book_id = b.id
   where b.library_id = $1 and b.deleted_at is null)sql"};
constexpr db::statement sql_count_found{"library.count_found", R"sql(
  select count(*) filter (where state = 'waiting'), count(*) filter (where state = 'refused'),
         count(*) filter (where state = 'duplicate')
    from library_files where library_id = $1 and state <> 'book')sql"};

constexpr db::statement sql_add{"library.add_library", R"sql(
  insert into libraries (id, name, kind, root, pattern, position)
  values ($1, $2, $3, $4, $5, (select coalesce(max(position), 0) + 1 from libraries)))sql"};
constexpr db::statement sql_removed{"library.removed_library", R"sql(
  select id, removed_at from libraries where removed_at is not null and kind = $1 and root = $2 order by removed_at desc limit 1
     for update)sql"};
constexpr db::statement sql_removed_one{"library.removed_one",
                                        "select removed_at from libraries where id = $1 and removed_at is not null for update"};
constexpr db::statement sql_restore{"library.restore_library", "update libraries set removed_at = null where id = $1"};
// Added like a new one: what is written into its folder is chosen anew.
constexpr db::statement sql_bring_back{"library.bring_back_library", R"sql(
  update libraries set removed_at = null, name = $2, pattern = $3, write_back = '', write_fields = '{}' where id = $1)sql"};
constexpr db::statement sql_trashed_with{"library.trashed_with_library",
                                         "select id from books where library_id = $1 and deleted_at >= $2"};
constexpr db::statement sql_remove{"library.remove_library", R"sql(
  update libraries set removed_at = clock_timestamp(), takes_new = false where id = $1 and root <> '' and removed_at is null)sql"};
constexpr db::statement sql_books_of{"library.books_of_library",
                                     "select id from books where library_id = $1 and deleted_at is null"};
constexpr db::statement sql_forget{"library.forget_libraries", R"sql(
  delete from libraries l where l.removed_at is not null and not exists (select from books b where b.library_id = l.id))sql"};

constexpr db::statement sql_pattern{"library.set_pattern", R"sql(
  update libraries l set pattern = $2 from libraries old where l.id = $1 and old.id = l.id returning old.pattern)sql"};
constexpr db::statement sql_nobody{"library.nobody_takes_new", "update libraries set takes_new = false where takes_new"};
constexpr db::statement sql_take_new{"library.take_new", "update libraries set takes_new = true where id = $1 and root <> ''"};

constexpr db::statement sql_scanned{"library.note_scanned", R"sql(
  update libraries set scanned_at = clock_timestamp(), scan_ms = $2, trouble = '', trouble_since = null where id = $1)sql"};
constexpr db::statement sql_trouble{"library.note_trouble", R"sql(
  update libraries set trouble = $2, trouble_since = clock_timestamp() where id = $1 and trouble <> $2)sql"};

constexpr db::statement sql_well{"library.mark_file_well",
                                 "update book_files set damaged_since = null where id = $1 and damaged_since is not null"};
constexpr db::statement sql_add_to{"library.add_books_to", "select set_config('carrel.library', $1, true)"};
constexpr db::statement sql_keep{"library.keep_in_store", R"sql(
  with left_behind as (update library_files set file_id = null where file_id = $1)
  update book_files set storage_path = $2 where id = $1)sql"};
constexpr db::statement sql_move_to{"library.move_to_library", R"sql(
  update books b set library_id = $2, version = b.version + 1, updated_at = greatest(clock_timestamp(), b.updated_at)
    from books old where b.id = $1 and old.id = b.id and old.library_id <> $2
     and not exists (select from book_files f where f.book_id = b.id and f.storage_path ~ '^[/%]')
  returning old.library_id)sql"};
constexpr db::statement sql_put{"library.put_into_library",
                                "update books set library_id = $2 where id = $1 and library_id <> $2"};

book_library from(const db::row& r) {
  return {.id = r.id(0),
          .name = r.text(1),
          .kind = r.text(2),
          .root = r.text(3),
          .pattern = r.text(4),
          .trouble = r.text(5),
          .trouble_since = r.maybe_at(6),
          .scanned_at = r.maybe_at(7),
          .scan_ms = r.integer(8),
          .takes_new = r.flag(9),
          .created_at = r.at(10)};
}

std::vector<uuid> ids_of(const db::rows& rows) {
  std::vector<uuid> out;
  for (const db::row& r : rows) out.push_back(r.id(0));
  return out;
}

}  // namespace

std::vector<book_library> libraries(db::tx& tx) {
  std::vector<book_library> out;
  for (const db::row& r : tx.run(sql_all)) out.push_back(from(r));
  return out;
}

std::vector<book_library> all_trees(db::tx& tx) {
  std::vector<book_library> out;
  for (const db::row& r : tx.run(sql_trees)) out.push_back(from(r));
  return out;
}

std::optional<book_library> find_library(db::tx& tx, const uuid& id) {
  db::rows rows = tx.run(sql_find, id);
  return rows.empty() ? std::nullopt : std::optional(from(rows[0]));
}

std::optional<book_library> find_library_named(db::tx& tx, const std::string& id_or_name) {
  if (std::optional<uuid> id = uuid::parse(id_or_name)) return find_library(tx, *id);
  db::rows rows = tx.run(sql_named, id_or_name);
  return rows.empty() ? std::nullopt : std::optional(from(rows[0]));
}

library_counts count_library(db::tx& tx, const uuid& id) {
  db::rows files = tx.run(sql_count_files, id), found = tx.run(sql_count_found, id);
  return {.books = files[0].integer(0),
          .files = files[0].integer(1),
          .bytes = files[0].integer(2),
          .missing = files[0].integer(3),
          .damaged = files[0].integer(4),
          .waiting = found[0].integer(0),
          .refused = found[0].integer(1),
          .duplicates = found[0].integer(2)};
}

json::object to_json(const book_library& l, const library_counts& c) {
  json::object out{{"id", l.id}, {"name", l.name}, {"kind", l.kind}, {"root", l.root}, {"pattern", l.pattern}};
  out.set("books", c.books).set("files", c.files).set("bytes", c.bytes).set("missing", c.missing).set("damaged", c.damaged);
  out.set("waiting", c.waiting).set("refused", c.refused).set("duplicates", c.duplicates);
  out.set("takes_new", l.takes_new)
      .set("scanned_at", l.scanned_at)
      .set("scan_ms", l.scan_ms)
      .set("trouble", l.trouble.empty() ? json::value() : json::value(l.trouble));
  return out;
}

json::object to_json(const folder_preview& p) {
  json::object kinds;
  for (const auto& [extension, count] : p.by_extension) kinds.set(extension, count);
  json::object out{{"files", p.files}, {"bytes", p.bytes}, {"ignored", p.ignored}, {"links", p.special}};
  return out.set("formats", std::move(kinds)).set("complete", p.complete);
}

uuid add_library(db::tx& tx, const std::string& name, const std::string& kind, const std::string& root,
                 const std::string& pattern, const actor& who) {
  uuid id = uuid::make();
  db::rows before = tx.run(sql_removed, kind, root);
  if (before.empty()) {
    tx.run(sql_add, id, name, kind, root, pattern);
  } else {
    id = before[0].id(0);
    tx.run(sql_bring_back, id, name, pattern);
    untrash_books(tx, ids_of(tx.run(sql_trashed_with, id, before[0].at(1))), who);
  }
  record(tx, who, "library.add", "library", id, json::object{{"name", name}, {"kind", kind}, {"root", root}});
  return id;
}

int remove_library(db::tx& tx, const uuid& id, const actor& who) {
  if (tx.run(sql_remove, id).affected() == 0) return 0;
  int books = trash_books(tx, ids_of(tx.run(sql_books_of, id)), who);
  record(tx, who, "library.remove", "library", id, json::object{{"books", books}});
  return books;
}

bool restore_library(db::tx& tx, const uuid& id, const actor& who) {
  db::rows removed = tx.run(sql_removed_one, id);
  if (removed.empty()) return false;
  tx.run(sql_restore, id);
  untrash_books(tx, ids_of(tx.run(sql_trashed_with, id, removed[0].at(0))), who);
  record(tx, who, "library.restore", "library", id);
  return true;
}

int forget_libraries(db::tx& tx) { return static_cast<int>(tx.run(sql_forget).affected()); }

void set_pattern(db::tx& tx, const uuid& id, const std::string& pattern, const actor& who) {
  db::rows before = tx.run(sql_pattern, id, pattern);
  if (before.empty() || before[0].text(0) == pattern) return;
  record(tx, who, "library.pattern", "library", id, json::object{{"before", before[0].text(0)}, {"after", pattern}});
  bump_revision(tx);
}

void set_takes_new(db::tx& tx, const uuid& id, const actor& who) {
  tx.run(sql_nobody);
  tx.run(sql_take_new, id);
  record(tx, who, "library.takes_new", "library", id);
}

void note_scanned(db::tx& tx, const uuid& id, std::int64_t milliseconds) { tx.run(sql_scanned, id, milliseconds); }

bool note_trouble(db::tx& tx, const uuid& id, const std::string& code) { return tx.run(sql_trouble, id, code).affected() > 0; }

void add_books_to(db::tx& tx, const uuid& library) { tx.run(sql_add_to, library.text()); }

void mark_file_well(db::tx& tx, const uuid& file) { tx.run(sql_well, file); }

void keep_in_store(db::tx& tx, const uuid& file, const std::string& storage_path) { tx.run(sql_keep, file, storage_path); }

int move_to_library(db::tx& tx, const uuid& book, const uuid& library, const actor& who) {
  db::rows before = tx.run(sql_move_to, book, library);
  if (before.empty()) return 0;
  record(tx, who, "book.library", "book", book, json::object{{"before", before[0].id(0)}, {"after", library}});
  bump_revision(tx);
  return 1;
}

void put_into_library(db::tx& tx, const uuid& book, const uuid& library) { tx.run(sql_put, book, library); }

}  // namespace carrel::library
