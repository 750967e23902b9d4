#include "ingest/organise_plan.hpp"

#include <algorithm>
#include <map>

#include "publication/names.hpp"
#include "publication/open.hpp"
#include "publication/unicode.hpp"

namespace carrel::ingest {
namespace {

constexpr db::statement sql_book{"organise.book", R"sql(
  select b.id, b.version, b.title, b.subtitle, b.title_sort, b.author_sort, coalesce(s.name, ''), b.series_index, b.series_index_text,
         coalesce(b.published_year::text, ''), b.language, coalesce(b.publisher, ''), coalesce(b.isbn_13, b.isbn_10, ''),
         array (select p.name from book_people bp join people p on p.id = bp.person_id
                 where bp.book_id = b.id and bp.role = 'aut' order by bp.position)
    from books b left join series s on s.id = b.series_id
   where b.id = any ($2::uuid[]) and b.library_id = $1 and b.status = 'organized' and b.deleted_at is null
   order by b.id)sql"};

// What is read in place stays there, whatever library its book is put into.
constexpr db::statement sql_files{"organise.files", R"sql(
  select book_id, id, storage_path, checksum, format, original_name, mime from book_files
   where book_id = any ($1::uuid[]) and storage_path ~ '^[a-z]' order by book_id, rank, position, original_name, id)sql"};

#define CARREL_DUE                                                                                                 \
  " from books b left join organised_books o on o.book_id = b.id "                                                 \
  "where b.library_id = $1 and b.status = 'organized' and b.deleted_at is null "                                   \
  "and (o.book_id is null or (o.library_id, o.version, o.pattern) is distinct from (b.library_id, b.version, $2) " \
  "or (o.problem <> '' and o.at < now() - interval '1 hour') "                                                     \
  "or b.id in (select f.book_id from file_moves m join book_files f on f.id = m.file_id)) "
constexpr db::statement sql_due{"organise.due", "select b.id" CARREL_DUE "and b.id > $3 order by b.id limit $4"};
constexpr db::statement sql_count_due{"organise.count_due", "select count(*)" CARREL_DUE};
#undef CARREL_DUE
// Back into the store from a tree.
#define CARREL_STRAYS                                    \
  " from books b join book_files f on f.book_id = b.id " \
  "where b.library_id = $1 and b.status = 'organized' and b.deleted_at is null and f.storage_path like 'trees/%' "
constexpr db::statement sql_strays{"organise.strays",
                                   "select distinct b.id" CARREL_STRAYS "and b.id > $2 order by b.id limit $3"};
constexpr db::statement sql_count_strays{"organise.count_strays", "select count(distinct b.id)" CARREL_STRAYS};
#undef CARREL_STRAYS
constexpr db::statement sql_all{"organise.all", R"sql(
  select id from books where library_id = $1 and status = 'organized' and deleted_at is null and id > $2 order by id limit $3)sql"};

std::vector<uuid> ids_of(const db::rows& rows) {
  std::vector<uuid> out;
  for (const db::row& r : rows) out.push_back(r.id(0));
  return out;
}

std::string two_digits(std::size_t n) { return n < 10 ? "0" + std::to_string(n) : std::to_string(n); }

// Several files of sound are tracks of one book; other files share the stem.
std::vector<wanted_file> wanted(const book_to_place& b) {
  std::map<std::string, int> sounds, met;
  for (const book_to_place::file& f : b.files) sounds[f.extension] += f.mime.starts_with("audio/") ? 1 : 0;
  std::vector<wanted_file> out;
  std::size_t track = 0;
  for (const book_to_place::file& f : b.files) {
    if (sounds[f.extension] > 1) {
      out.push_back({two_digits(++track) + " - " + publication::clean_name(publication::file_stem(f.name)) + f.extension, true});
      continue;
    }
    int n = ++met[f.extension];
    out.push_back({(n > 1 ? " (" + std::to_string(n) + ")" : "") + f.extension});
  }
  return out;
}

book_to_place book_from(const db::row& r) {
  book_to_place out{.id = r.id(0), .version = r.integer(1), .values = {}, .files = {}};
  path_values& v = out.values;
  v.title = r.text(2);
  v.subtitle = r.text(3);
  v.title_sort = r.text(4);
  v.author_sort = r.text(5);
  v.series = r.text(6);
  if (!v.series.empty()) {
    v.series_number = r.maybe_real(7);
    v.series_text = r.text(8);
  }
  v.year = r.text(9);
  v.language = r.text(10);
  v.publisher = r.text(11);
  v.isbn = r.text(12);
  v.authors = r.texts(13);
  v.id8 = out.id.text().substr(0, 8);
  return out;
}

void add_file(const db::row& f, book_to_place& b) {
  const publication::kind* k = publication::find_kind(f.text(4));
  if (b.files.empty()) {
    b.values.format = f.text(4);
    b.values.original = publication::file_stem(f.text(5));
  }
  b.files.push_back({.id = f.id(1),
                     .path = f.text(2),
                     .checksum = f.text(3),
                     .extension = k != nullptr ? k->extension : "." + f.text(4),
                     .name = f.text(5),
                     .mime = f.text(6)});
}

}  // namespace

std::vector<book_to_place> find_books_to_place(db::tx& tx, const uuid& library, const std::vector<uuid>& books) {
  std::vector<book_to_place> out;
  for (const db::row& r : tx.run(sql_book, library, books)) out.push_back(book_from(r));
  auto at = out.begin();
  for (const db::row& f : tx.run(sql_files, books)) {
    while (at != out.end() && at->id < f.id(0)) ++at;
    if (at == out.end()) break;
    if (at->id == f.id(0)) add_file(f, *at);
  }
  return out;
}

std::vector<uuid> books_to_place(db::tx& tx, const library::book_library& l, const uuid& after, int most) {
  return ids_of(l.root.empty() ? tx.run(sql_strays, l.id, after, most) : tx.run(sql_due, l.id, l.pattern, after, most));
}

std::int64_t count_books_to_place(db::tx& tx, const library::book_library& l) {
  return (l.root.empty() ? tx.run(sql_count_strays, l.id) : tx.run(sql_count_due, l.id, l.pattern))[0].integer(0);
}

std::vector<uuid> books_of_library(db::tx& tx, const uuid& library, const uuid& after, int most) {
  return ids_of(tx.run(sql_all, library, after, most));
}

std::vector<std::string> places_of(const book_to_place& b, const path_pattern& p, const names_like& tree) {
  std::size_t longest = 0;
  std::vector<wanted_file> files = wanted(b);
  for (const wanted_file& f : files) longest = std::max(longest, f.name.size());
  return free_paths(p.expand(b.values, longest), files, b.values.id8, tree);
}

}  // namespace carrel::ingest
