#include "library/document.hpp"

#include <algorithm>
#include <set>

#include "library/search_words.hpp"
#include "publication/search_fold.hpp"

namespace carrel::library {
namespace {

constexpr std::size_t most_suggestions = 5, most_readings = 8;
constexpr double worth_showing = 0.3;
constexpr double of_title = 0.7, of_authors = 0.3;  // shares of the score
constexpr double without_authors = 0.8;             // a title alone is never sure

constexpr db::statement sql_unknown{"library.unknown_documents", R"sql(
  select d.document, coalesce(p.device, ''), d.title, d.authors, d.file_name, coalesce(p.percentage, 0), d.last_seen_at
    from documents d
    left join reading_progress p on p.user_id = d.user_id and p.document = d.document
   where d.user_id = $1 and d.link = 'none' and d.document not like 'kobo:%' and d.document not like 'opds:%'
   order by d.last_seen_at desc, d.document
   limit $2)sql"};

constexpr db::statement sql_candidates{"library.suggest_books", R"sql(
  select i.n - 1, b.id, b.title, b.author
    from unnest($2::text[]) with ordinality as i(words, n)
   cross join lateral (
         select v.id, v.title, v.author
           from visible_books($1) v
          where i.words <> '' and v.search_vector @@ to_tsquery('simple', i.words)
          order by ts_rank(v.search_vector, to_tsquery('simple', i.words)) desc, v.id
          limit 30) b
   order by i.n)sql"};

using word_set = std::set<std::string>;

word_set words_of(const std::string& text) {
  word_set out;
  for (std::string& word : publication::search_words_in(text)) out.insert(std::move(word));
  return out;
}

// Sørensen-Dice: 1 for the same words, 0 for none in common.
double likeness(const word_set& a, const word_set& b) {
  if (a.empty() || b.empty()) return 0;
  auto common = std::count_if(a.begin(), a.end(), [&](const std::string& word) { return b.contains(word); });
  return 2.0 * static_cast<double>(common) / static_cast<double>(a.size() + b.size());
}

std::string stem(const std::string& file_name) { return file_name.substr(0, file_name.find_last_of('.')); }

// The whole text and its parts: titles come with subtitles, file names with authors.
std::vector<std::string> readings(const std::string& text) {
  std::vector<std::string> out{text};
  std::size_t from = 0;
  for (std::size_t i = 0; i <= text.size() && out.size() < most_readings; ++i) {
    bool cut = i == text.size() || text.find_first_of(":;([_", i) == i || text.compare(i, 3, " - ") == 0;
    if (!cut) continue;
    if (i > from && i - from < text.size()) out.push_back(text.substr(from, i - from));
    from = i + 1;
  }
  return out;
}

std::string query_for(const unknown_document& d) {
  std::string out;
  for (const std::string& reading : readings(d.title.empty() ? stem(d.file_name) : d.title)) {
    std::string words = search_words(reading, "A");
    if (words.empty()) continue;
    if (!out.empty()) out += " | ";
    out += "(" + words + ")";
  }
  return out;
}

double score_of(const unknown_document& d, const std::string& title, const std::string& authors) {
  word_set theirs = words_of(title);
  if (d.title.empty()) {
    word_set both = theirs;
    both.merge(words_of(authors));
    word_set name = words_of(stem(d.file_name));
    return without_authors * std::max(likeness(name, theirs), likeness(name, both));
  }
  double same_title = 0;
  for (const std::string& reading : readings(d.title)) same_title = std::max(same_title, likeness(words_of(reading), theirs));
  if (d.authors.empty()) return without_authors * same_title;
  return of_title * same_title + of_authors * likeness(words_of(d.authors), words_of(authors));
}

}  // namespace

std::vector<unknown_document> unknown_documents(db::tx& tx, const uuid& user, int most) {
  std::vector<unknown_document> out;
  std::vector<std::string> queries;
  for (const db::row& r : tx.run(sql_unknown, user, most)) {
    out.push_back({.document = r.text(0),
                   .device = r.text(1),
                   .title = r.text(2),
                   .authors = r.text(3),
                   .file_name = r.text(4),
                   .percentage = r.real(5),
                   .at = r.at(6),
                   .suggestions = {}});
    queries.push_back(query_for(out.back()));
  }
  if (std::all_of(queries.begin(), queries.end(), [](const std::string& q) { return q.empty(); })) return out;

  for (const db::row& r : tx.run(sql_candidates, user, queries)) {
    unknown_document& d = out[static_cast<std::size_t>(r.integer(0))];
    suggestion s{.book = r.id(1), .title = r.text(2), .score = score_of(d, r.text(2), r.text(3))};
    if (s.score >= worth_showing) d.suggestions.push_back(std::move(s));
  }
  for (unknown_document& d : out) {
    std::stable_sort(d.suggestions.begin(), d.suggestions.end(),
                     [](const suggestion& a, const suggestion& b) { return a.score > b.score; });
    if (d.suggestions.size() > most_suggestions) d.suggestions.resize(most_suggestions);
  }
  return out;
}

}  // namespace carrel::library
