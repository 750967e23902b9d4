#include <algorithm>

#include "library/catalog.hpp"
#include "library/search_words.hpp"
#include "publication/unicode.hpp"
#include "server/core/text.hpp"

namespace carrel::library {
namespace {

constexpr std::size_t longest_query = 256, most_words = 16;
constexpr std::int64_t most_results = 1000;

// Candidates come from the word index and are bounded before they are ranked: exact title, title beginning, author, series, rest,
// then the newer (opds.md 6.4). The count is exact below the bound.
constexpr db::statement sql_search{"library.search", R"sql(
  with hits as materialized (
    select b.id, b.version, b.title_key, b.created_at, b.search_vector
      from listed_books($1, $6) b
     where b.search_vector @@ to_tsquery('simple', $2) limit 2000)
  select h.id, h.version, count(*) over ()
    from hits h
   order by case when $3 <> '' and h.title_key = $3 then 0
                 when $3 <> '' and h.title_key >= $3 and h.title_key < $3 || U&'\+10FFFF' then 1
                 else 2 end,
            case when $3 = '' then 0 else -ts_rank('{0.1,0.3,0.6,1.0}', h.search_vector, to_tsquery('simple', $2)) end,
            h.created_at desc, h.id desc
   offset $4 limit $5)sql"};

constexpr db::statement sql_isbn{"library.search_isbn", R"sql(
  select b.id, b.version from listed_books($1, $3) b where b.isbn_13 = $2 order by b.created_at desc, b.id desc limit 50)sql"};

// Words of one run of typed text, folded as the index is.
void add_words(std::vector<std::string>& out, std::string_view text) {
  for (std::string& word : publication::words(publication::fold(text))) {
    if (out.size() < most_words) out.push_back(std::move(word));
  }
}

std::string joined(const std::vector<std::string>& words, std::string_view between, std::string_view weights, bool prefix_last) {
  std::string out;
  for (const std::string& word : words) {
    if (!out.empty()) out += between;
    out += "'" + word + "'";
    bool prefix = prefix_last && &word == &words.back() && count_code_points(word) >= 3;
    if (prefix || !weights.empty()) out += ":";
    if (prefix) out += "*";
    out += weights;
  }
  return out;
}

template <class Rows>
std::vector<book_stamp> stamps_of(const Rows& rows) {
  std::vector<book_stamp> out;
  for (const db::row& r : rows) out.push_back({.id = r.id(0), .version = r.integer(1)});
  return out;
}

}  // namespace

std::string search_words(std::string_view typed, std::string_view weights) {
  // The longest query counts characters; four bytes each are enough to cut safely.
  std::string text(cut_utf8(typed, longest_query * 4));
  while (count_code_points(text) > longest_query) text = std::string(cut_utf8(text, text.size() - 1));
  std::string out;
  auto add = [&](const std::string& part) {
    if (part.empty()) return;
    if (!out.empty()) out += " & ";
    out += part;
  };
  std::string_view rest = text;
  std::vector<std::string> loose;
  for (;;) {
    std::size_t open = rest.find('"');
    add_words(loose, rest.substr(0, open));
    if (open == rest.npos) break;
    std::size_t close = rest.find('"', open + 1);
    std::vector<std::string> phrase;
    add_words(phrase, rest.substr(open + 1, close == rest.npos ? rest.npos : close - open - 1));
    add(phrase.empty() ? "" : "(" + joined(phrase, " <-> ", weights, false) + ")");
    if (close == rest.npos) break;
    rest.remove_prefix(close + 1);
  }
  add(joined(loose, " & ", weights, true));
  return out;
}

matches search_outline(db::tx& tx, const uuid& viewer, const query& q, int offset, int limit) {
  matches out;
  int whom = static_cast<int>(q.for_whom);

  std::string number = q.isbn.empty() ? q.all : q.isbn;
  if (std::optional<publication::isbn> isbn = publication::parse_isbn(number)) {
    db::rows rows = tx.run(sql_isbn, viewer, isbn->isbn_13, whom);
    if (!rows.empty() || !q.isbn.empty()) {
      out.total = static_cast<std::int64_t>(rows.size());
      if (offset == 0) out.books = stamps_of(rows);
      return out;
    }
  } else if (!q.isbn.empty()) {
    out.total = 0;
    return out;
  }

  std::string words;
  auto add = [&](const std::string& typed, const char* weights) {
    std::string part = typed.empty() ? "" : search_words(typed, weights);
    if (part.empty()) return;
    if (!words.empty()) words += " & ";
    words += part;
  };
  add(q.all, "");
  add(q.title, "A");
  add(q.author, "B");
  add(q.series, "C");
  add(q.tag, "C");
  if (words.empty() || offset >= most_results) {
    out.total = 0;
    return out;
  }

  int want = static_cast<int>(std::min<std::int64_t>(limit, most_results - offset));
  std::string exact = publication::sort_key(q.all.empty() ? q.title : q.all);
  db::rows rows = tx.run(sql_search, viewer, words, exact, offset, want + 1, whom);
  std::int64_t total = rows.empty() ? offset : rows[0].integer(2);
  out.books = stamps_of(rows.first(static_cast<std::size_t>(want)));
  if (total <= most_results) out.total = total;
  out.more = rows.size() > static_cast<std::size_t>(want) && offset + want < most_results;
  return out;
}

found search(db::tx& tx, const uuid& viewer, const query& q, int offset, int limit) {
  matches met = search_outline(tx, viewer, q, offset, limit);
  std::vector<uuid> ids;
  for (const book_stamp& b : met.books) ids.push_back(b.id);
  return {.books = load_books(tx, viewer, ids), .total = met.total, .more = met.more};
}

}  // namespace carrel::library
