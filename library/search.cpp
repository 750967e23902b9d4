#include <algorithm>
#include <iterator>
#include <set>

#include "library/catalog.hpp"
#include "library/search_words.hpp"
#include "publication/unicode.hpp"
#include "server/core/text.hpp"

namespace carrel::library {
namespace {

constexpr int most_near = 200;

// Candidates come from the word index and are bounded before they are ranked. The count is exact below the bound.
constexpr db::statement sql_search{"library.search", R"sql(
  with asked as materialized (select to_tsquery('simple', $2) as words),
       hits as materialized (
         select b.id, b.version, b.title_key, b.author_key, b.published_on, b.created_at,
                case when $3 = '' then 0
                     else ts_rank('{0.1,0.3,0.6,1.0}', b.search_vector, (select a.words from asked a)) end as fit
           from listed_books($1, $5) b
          where b.search_vector @@ to_tsquery('simple', $2) and ($6 = '' or b.language = $6)
            and ($7 = '' or exists (select from book_files f where f.book_id = b.id and f.format = $7))
          limit 1001)
  select b.id, b.version, (select count(*) from hits)
    from hits b
   order by case $8 when 'title' then b.title_key when 'author' then b.author_key end,
            case $8 when 'added' then b.created_at end desc,
            case $8 when 'published' then b.published_on collate "C" end desc,
            case $8 when 'rating' then
              (select coalesce(max(o.rating), 0) from opinions o where o.user_id = $1 and o.book_id = b.id) end desc,
            case when $3 = '' then 2 when b.title_key = $3 then 0
                 when b.title_key >= $3 and b.title_key < $3 || U&'\+10FFFF' then 1 else 2 end,
            b.fit desc, b.created_at desc, b.id desc
   limit $4)sql"};

// Titles that are what was typed, or begin with it: found by the index of titles, however many candidates there are.
constexpr db::statement sql_near{"library.search_near", R"sql(
  with asked as materialized (select to_tsquery('simple', $2) as words)
  select b.id, b.version
    from (select b.*
            from listed_books($1, $5) b
           where b.title_key >= $3 and b.title_key < $3 || U&'\+10FFFF'
           order by b.title_key, b.id
           limit $4) b
   where b.search_vector @@ (select a.words from asked a) and ($6 = '' or b.language = $6)
     and ($7 = '' or exists (select from book_files f where f.book_id = b.id and f.format = $7))
   order by b.title_key <> $3, ts_rank('{0.1,0.3,0.6,1.0}', b.search_vector, (select a.words from asked a)) desc,
            b.created_at desc, b.id desc)sql"};

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

// The words as they stand, none of them as a beginning.
std::string whole_words(std::string words) {
  for (std::size_t at = 0; (at = words.find("':*", at)) != std::string::npos; ++at) {
    bool weighted = at + 3 < words.size() && words[at + 3] >= 'A' && words[at + 3] <= 'D';
    words.erase(weighted ? at + 2 : at + 1, weighted ? 1 : 2);
  }
  return words;
}

// The best in their order, from the first on, and how many there are up to the bound.
struct ranking {
  std::vector<book_stamp> books;
  std::int64_t all = 0;
};

// What has the words as they stand; only where that is not more than anybody is shown, what has words that begin so, too. Of a
// common word the index gives that up for half the price.
ranking rank(db::tx& tx, const uuid& viewer, const query& q, const std::string& words, const std::string& exact, int count) {
  auto find = [&](const std::string& w) {
    ranking out;
    for (const db::row& r :
         tx.run(sql_search, viewer, w, exact, count, static_cast<int>(q.for_whom), q.language, q.format, q.order)) {
      out.books.push_back({.id = r.id(0), .version = r.integer(1)});
      out.all = r.integer(2);
    }
    return out;
  };
  std::string whole = whole_words(words);
  ranking out = find(whole);
  return out.all > most_results || whole == words ? out : find(words);
}

void put_near_first(db::tx& tx, const uuid& viewer, const query& q, const std::string& words, const std::string& exact,
                    ranking& to) {
  std::vector<book_stamp> best;
  std::set<uuid> near;
  for (const db::row& r : tx.run(sql_near, viewer, words, exact, most_near, static_cast<int>(q.for_whom), q.language, q.format)) {
    best.push_back({.id = r.id(0), .version = r.integer(1)});
    near.insert(best.back().id);
  }
  std::copy_if(to.books.begin(), to.books.end(), std::back_inserter(best),
               [&](const book_stamp& b) { return !near.contains(b.id); });
  to.books = std::move(best);
}

matches page_of(const ranking& all, int offset, int want) {
  matches out;
  std::size_t first = std::min(static_cast<std::size_t>(offset), all.books.size()),
              end = std::min(first + static_cast<std::size_t>(want), all.books.size());
  auto at = [&](std::size_t n) { return all.books.begin() + static_cast<std::ptrdiff_t>(n); };
  out.books.assign(at(first), at(end));
  if (all.all <= most_results) out.total = all.all;
  out.more = end < all.books.size() && offset + want < most_results;
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
  ranking all = rank(tx, viewer, q, words, exact, offset + want + 1 + most_near);
  if (all.all > most_results && q.order.empty() && !exact.empty()) put_near_first(tx, viewer, q, words, exact, all);
  return page_of(all, offset, want);
}

found search(db::tx& tx, const uuid& viewer, const query& q, int offset, int limit) {
  matches met = search_outline(tx, viewer, q, offset, limit);
  std::vector<uuid> ids;
  for (const book_stamp& b : met.books) ids.push_back(b.id);
  return {.books = load_books(tx, viewer, ids), .total = met.total, .more = met.more};
}

}  // namespace carrel::library
