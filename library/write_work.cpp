#include "library/write_work.hpp"

#include <algorithm>

#include "library/book.hpp"
#include "library/delivered_copies.hpp"
#include "publication/side_file.hpp"

namespace carrel::library {
namespace {

// What the files' places were worked out from is what the book is now: its files are where they stay.
#define CARREL_DUE                                                                                                              \
  " from books b join libraries l on l.id = b.library_id "                                                                      \
  "join organised_books o on o.book_id = b.id and (o.library_id, o.version, o.pattern) = (b.library_id, b.version, l.pattern) " \
  "left join written_books w on w.book_id = b.id "                                                                              \
  "where b.library_id = $1 and b.status = 'organized' and b.deleted_at is null "                                                \
  "and (w.book_id is null or w.library_id <> b.library_id or w.choice <> $2 or w.at < o.at "                                    \
  "or (w.state = 'failed' and w.at < now() - interval '1 hour') or (w.state = 'held' and not kobo_holds(b.entitlement)) "       \
  "or (w.state <> 'failed' and b.id in (select f.book_id from file_writes m join book_files f on f.id = m.file_id))) "
constexpr db::statement sql_due{"library.books_to_write",
                                "select b.id" CARREL_DUE
                                "and b.updated_at <= now() - $3 * interval '1 second' and b.id > $4 order by b.id limit $5"};
constexpr db::statement sql_count_due{"library.count_books_to_write", "select count(*)" CARREL_DUE};
#undef CARREL_DUE
constexpr db::statement sql_writing{"library.libraries_that_write",
                                    "select id from libraries where write_back <> '' and removed_at is null order by id"};

constexpr db::statement sql_books{"library.find_books_to_write", R"sql(
  select b.id, b.title, kobo_holds(b.entitlement),
         case when 'cover' = any (b.locked_fields) or b.field_sources ->> 'cover' = 'user' then c.storage_path end, c.mime
    from books b left join covers c on c.id = b.cover_id
   where b.id = any ($2::uuid[]) and b.library_id = $1 and b.status = 'organized' and b.deleted_at is null
   order by b.id)sql"};
constexpr db::statement sql_files{"library.files_to_write", R"sql(
  select f.book_id, f.id, f.storage_path, f.checksum, f.format, f.original_name, f.drm, f.file_size, w.before, w.after, w.metadata
    from book_files f left join written_files w on w.file_id = f.id
   where f.book_id = any ($1::uuid[]) and starts_with(f.storage_path, $2)
   order by f.book_id, f.rank, f.position, f.original_name, f.id)sql"};
constexpr db::statement sql_note{"library.note_write", R"sql(
  insert into written_books (book_id, library_id, choice, state, problem, detail)
  select b.id, b.library_id, $3, $4, $5, $6 from books b where b.id = $1 and b.library_id = $2
      on conflict (book_id) do update set library_id = excluded.library_id, choice = excluded.choice, state = excluded.state,
             problem = excluded.problem, detail = excluded.detail, at = clock_timestamp())sql"};

constexpr db::statement sql_side{"library.side_files_of", R"sql(
  select id, kind, storage_path, sha256, next_sha256 from side_files where book_id = $1 order by kind)sql"};
constexpr db::statement sql_shares{"library.shares_folder", R"sql(
  select exists (select from book_files
                  where storage_path like 'trees/%' and storage_path ~>=~ $2 and storage_path ~<~ ($2 || U&'\+10FFFF')
                    and strpos(substr(storage_path, length($2) + 1), '/') = 0 and book_id <> $1))sql"};
constexpr db::statement sql_another{"library.side_file_of_another", R"sql(
  select exists (select from side_files where storage_path = any ($2::text[]) and book_id is distinct from $1))sql"};
constexpr db::statement sql_begin_side{"library.begin_side_file", R"sql(
  with again as (
    update side_files set next_sha256 = $5 where book_id = $2 and kind = $3 and storage_path = $4 returning id),
  first as (
    insert into side_files (id, book_id, kind, storage_path, next_sha256)
    select $1, $2, $3, $4, $5 where not exists (select from again)
        on conflict do nothing
    returning id)
  select id from again union all select id from first)sql"};
constexpr db::statement sql_end_side{"library.end_side_file", R"sql(
  update side_files set sha256 = next_sha256, next_sha256 = '' where book_id = $1 and kind = $2 and next_sha256 <> '')sql"};
constexpr db::statement sql_forget_side{"library.forget_side_file", "delete from side_files where id = $1"};
constexpr db::statement sql_disown_side{"library.disown_side_file", "update side_files set book_id = null where id = $1"};
constexpr db::statement sql_strays{"library.stray_side_files", R"sql(
  select s.id, s.kind, s.storage_path, s.sha256, s.next_sha256 from side_files s
   where not exists (select from book_files f
                      where f.book_id = s.book_id and starts_with(f.storage_path, regexp_replace(s.storage_path, '[^/]*$', '')))
     and s.id > $1
   order by s.id limit $2)sql"};
constexpr db::statement sql_anew{"library.name_side_files_anew", R"sql(
  delete from written_books w using side_files s
   where s.book_id = w.book_id and s.book_id <> $1 and s.kind = 'opf' and s.storage_path = $2 || 'metadata.opf')sql"};

#define CARREL_FILE_WRITE                                                                                  \
  "select m.file_id, m.storage_path, m.before, m.after, m.kept, coalesce(f.storage_path, ''), f.checksum " \
  "from file_writes m join book_files f on f.id = m.file_id "
constexpr db::statement sql_writes{"library.file_writes",
                                   CARREL_FILE_WRITE "where $1::uuid is null or f.book_id = $1 order by m.file_id"};
constexpr db::statement sql_find_write{"library.find_file_write", CARREL_FILE_WRITE "where m.file_id = $1"};
#undef CARREL_FILE_WRITE
constexpr db::statement sql_begin{"library.begin_file_write", R"sql(
  insert into file_writes (file_id, storage_path, before, after, kept) values ($1, $2, $3, $4, $5)
      on conflict (file_id) do update set storage_path = excluded.storage_path, before = excluded.before, after = excluded.after,
             kept = excluded.kept, made_at = now())sql"};
constexpr db::statement sql_end{"library.end_file_write", "delete from file_writes where file_id = $1"};
constexpr db::statement sql_written{"library.note_written_file", R"sql(
  insert into written_files (file_id, before, after, metadata) values ($1, $2, $3, $4)
      on conflict (file_id) do update set before = excluded.before, after = excluded.after, metadata = excluded.metadata,
             at = clock_timestamp())sql"};
constexpr db::statement sql_may{"library.may_write_file", R"sql(
  select kobo_holds(b.entitlement) from book_files f join books b on b.id = f.book_id join libraries l on l.id = b.library_id
   where f.id = $1 and f.storage_path = $2 and f.checksum = $3 and l.write_back = 'files' and l.removed_at is null
     for update of f)sql"};

std::string prefix_of(const book_library& l) { return "trees/" + l.id.text() + "/"; }

book_to_write::file file_from(const db::row& r) {
  book_file f;
  f.storage_path = r.text(2);
  f.format = r.text(4);
  f.drm = r.text(6);
  f.size = r.integer(7);
  return {.id = r.id(1),
          .path = r.text(2),
          .checksum = r.text(3),
          .format = r.text(4),
          .name = r.text(5),
          .takes_metadata = takes_metadata(f),
          .before = r.text(8),
          .after = r.text(9),
          .metadata = r.text(10)};
}

file_write write_from(const db::row& r) {
  return {.file = r.id(0),
          .path = r.text(1),
          .before = r.text(2),
          .after = r.text(3),
          .kept = r.id(4),
          .now_at = r.text(5),
          .now_is = r.text(6)};
}

std::vector<side_file> side_files_from(const db::rows& rows) {
  std::vector<side_file> out;
  for (const db::row& r : rows)
    out.push_back({.id = r.id(0), .kind = r.text(1), .storage_path = r.text(2), .sha256 = r.text(3), .next_sha256 = r.text(4)});
  return out;
}

}  // namespace

std::vector<uuid> books_to_write(db::tx& tx, const book_library& l, const write_choice& c, std::int64_t quiet, const uuid& after,
                                 int most) {
  std::vector<uuid> out;
  for (const db::row& r : tx.run(sql_due, l.id, to_text(c), quiet, after, most)) out.push_back(r.id(0));
  return out;
}

std::int64_t count_books_to_write(db::tx& tx, const book_library& l, const write_choice& c) {
  return tx.run(sql_count_due, l.id, to_text(c))[0].integer(0);
}

std::vector<book_library> libraries_that_write(db::tx& tx) {
  std::vector<book_library> out;
  for (const db::row& r : tx.run(sql_writing)) {
    if (std::optional<book_library> l = find_library(tx, r.id(0))) out.push_back(std::move(*l));
  }
  return out;
}

std::vector<book_to_write> find_books_to_write(db::tx& tx, const book_library& l, const std::vector<uuid>& books) {
  std::vector<book_to_write> out;
  for (const db::row& r : tx.run(sql_books, l.id, books)) {
    out.push_back(
        {.id = r.id(0), .title = r.text(1), .held = r.flag(2), .cover = r.text(3), .cover_type = r.text(4), .files = {}});
  }
  auto at = out.begin();
  for (const db::row& f : tx.run(sql_files, books, prefix_of(l))) {
    while (at != out.end() && at->id < f.id(0)) ++at;
    if (at == out.end()) break;
    if (at->id == f.id(0)) at->files.push_back(file_from(f));
  }
  std::erase_if(out, [](const book_to_write& b) { return b.files.empty(); });
  return out;
}

std::optional<std::string> metadata_to_write(db::tx& tx, const uuid& book, const write_choice& c) {
  std::optional<std::string> all = delivered_metadata(tx, book);
  if (!all) return std::nullopt;
  result<publication::corrected> said = publication::corrected_from_json(*all);
  CARREL_EXPECT(said);
  return publication::to_json(publication::only_fields(std::move(*said), c.fields));
}

void note_write(db::tx& tx, const uuid& book, const uuid& library, const write_choice& c, const write_outcome& o) {
  tx.run(sql_note, book, library, to_text(c), o.state, o.problem, o.detail);
}

std::vector<side_file> side_files_of(db::tx& tx, const uuid& book) { return side_files_from(tx.run(sql_side, book)); }

bool shares_folder(db::tx& tx, const uuid& book, const std::string& folder) {
  return tx.run(sql_shares, book, folder)[0].flag(0);
}

bool has_another_owner(db::tx& tx, const uuid& book, const std::vector<std::string>& paths) {
  return tx.run(sql_another, book, paths)[0].flag(0);
}

bool begin_side_file(db::tx& tx, const uuid& book, const std::string& kind, const std::string& path, const std::string& sha256) {
  return !tx.run(sql_begin_side, uuid::make(), book, kind, path, sha256).empty();
}

void end_side_file(db::tx& tx, const uuid& book, const std::string& kind) { tx.run(sql_end_side, book, kind); }

void forget_side_file(db::tx& tx, const uuid& id) { tx.run(sql_forget_side, id); }

void disown_side_file(db::tx& tx, const uuid& id) { tx.run(sql_disown_side, id); }

std::vector<side_file> stray_side_files(db::tx& tx, const uuid& after, int most) {
  return side_files_from(tx.run(sql_strays, after, most));
}

void name_side_files_anew(db::tx& tx, const uuid& book, const std::string& folder) { tx.run(sql_anew, book, folder); }

std::vector<file_write> file_writes_of(db::tx& tx, const std::optional<uuid>& book) {
  std::vector<file_write> out;
  for (const db::row& r : tx.run(sql_writes, book)) out.push_back(write_from(r));
  return out;
}

std::optional<file_write> find_file_write(db::tx& tx, const uuid& file) {
  db::rows rows = tx.run(sql_find_write, file);
  return rows.empty() ? std::nullopt : std::optional(write_from(rows[0]));
}

void begin_file_write(db::tx& tx, const file_write& w) { tx.run(sql_begin, w.file, w.path, w.before, w.after, w.kept); }

void end_file_write(db::tx& tx, const uuid& file) { tx.run(sql_end, file); }

void note_written_file(db::tx& tx, const uuid& file, const std::string& before, const std::string& after,
                       const std::string& metadata) {
  tx.run(sql_written, file, before, after, metadata);
}

bool may_write_file(db::tx& tx, const uuid& file, const std::string& path, const std::string& checksum) {
  db::rows rows = tx.run(sql_may, file, path, checksum);
  return !rows.empty() && !rows[0].flag(0);
}

}  // namespace carrel::library
