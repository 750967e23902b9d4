#include <algorithm>

#include "library/catalog.hpp"
#include "library/search_words.hpp"
#include "publication/unicode.hpp"
#include "server/core/text.hpp"

namespace carrel::library {
namespace {

// Candidates come from the word index and are bounded before they are ranked; a title that is just what was typed is among them
// however many there are. The count is exact below the bound.
#define CARREL_HIT                                                                                               \
  "select b.id, b.version, b.title_key, b.author_key, b.created_at, b.search_vector from listed_books($1, $6) b" \
  " where b.search_vector @@ to_tsquery('simple', $2) and ($7 = '' or b.language = $7)"                          \
  " and ($8 = '' or exists (select from book_files f where f.book_id = b.id and f.format = $8))"
constexpr db::statement sql_search{
    "library.search", "with hits as materialized ((" CARREL_HIT " and b.title_key = $3 limit 100) union all (" CARREL_HIT
                      " and b.title_key <> $3 limit 2000))"
                      " select b.id, b.version, count(*) over () from hits b order by"
                      " case $9 when 'title' then b.title_key when 'author' then b.author_key end,"
                      " case $9 when 'added' then b.created_at end desc," CARREL_BEST_FIRST("$3", "$2") "offset $4 limit $5"};
#undef CARREL_HIT

constexpr db::statement sql_isbn{"library.search_isbn", R"sql(
  select b.id, b.version, count(*) over ()
    from listed_books($1, $6) b
   where b.isbn_13 = $2 and ($7 = '' or b.language = $7)
     and ($8 = '' or exists (select from book_files f where f.book_id = b.id and f.format = $8))
     and ($3 = '' or b.search_vector @@ to_tsquery('simple', nullif($3, '')))
   order by b.created_at desc, b.id desc
   offset $4 limit $5)sql"};

std::string words_of(const query& q, bool with_all) {
  std::string out;
  auto add = [&](const std::string& typed, const char* weights) {
    std::string part = typed.empty() ? "" : search_words(typed, weights);
    if (part.empty()) return;
    if (!out.empty()) out += " & ";
    out += part;
  };
  if (with_all) add(q.all, "");
  add(q.title, "A");
  add(q.author, "B");
  add(q.series, "C");
  add(q.tag, "C");
  return out;
}

// From rows of id, version and number of all, one more than `want` when there are more.
matches matches_from(const db::rows& rows, int offset, int want) {
  matches out;
  for (const db::row& r : rows.first(static_cast<std::size_t>(want)))
    out.books.push_back({.id = r.id(0), .version = r.integer(1)});
  // Beyond the end the rows do not tell how many there are.
  std::int64_t total = rows.empty() ? 0 : rows[0].integer(2);
  if (total <= most_results && (offset == 0 || !rows.empty())) out.total = total;
  out.more = rows.size() > static_cast<std::size_t>(want) && offset + want < most_results;
  return out;
}

// By number, when the query asks for one; typed as words it has to be the number of some book.
std::optional<matches> find_isbn(db::tx& tx, const uuid& viewer, const query& q, int offset, int want) {
  bool asked = !q.isbn.empty();
  std::optional<publication::isbn> isbn = publication::parse_isbn(asked ? q.isbn : q.all);
  if (!isbn) return asked ? std::optional(matches{.books = {}, .total = 0}) : std::nullopt;
  db::rows rows = tx.run(sql_isbn, viewer, isbn->isbn_13, words_of(q, asked), offset, want + 1, static_cast<int>(q.for_whom),
                         q.language, q.format);
  if (rows.empty() && !asked) return std::nullopt;
  return matches_from(rows, offset, want);
}

}  // namespace

matches search_outline(db::tx& tx, const uuid& viewer, const query& q, int offset, int limit) {
  int want = static_cast<int>(std::clamp<std::int64_t>(most_results - offset, 0, limit));
  if (want == 0) return {};
  if (std::optional<matches> numbered = find_isbn(tx, viewer, q, offset, want)) return std::move(*numbered);
  std::string words = words_of(q, true);
  if (words.empty()) return {.books = {}, .total = 0};
  std::string exact = publication::sort_key(q.all.empty() ? q.title : q.all);
  db::rows rows =
      tx.run(sql_search, viewer, words, exact, offset, want + 1, static_cast<int>(q.for_whom), q.language, q.format, q.order);
  return matches_from(rows, offset, want);
}

found search(db::tx& tx, const uuid& viewer, const query& q, int offset, int limit) {
  matches met = search_outline(tx, viewer, q, offset, limit);
  std::vector<uuid> ids;
  for (const book_stamp& b : met.books) ids.push_back(b.id);
  return {.books = load_books(tx, viewer, ids), .total = met.total, .more = met.more};
}

}  // namespace carrel::library
