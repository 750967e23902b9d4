#include "library/book_match.hpp"

#include <algorithm>
#include <array>
#include <map>
#include <set>
#include <unordered_map>

#include "publication/unicode.hpp"
#include "server/core/text.hpp"

namespace carrel::library {
namespace {

constexpr std::size_t most_told = 10, most_authors = 3;

constexpr db::statement sql_by_isbn{"library.match_by_isbn", R"sql(
  select b.isbn_13, b.id, b.title, b.subtitle, b.author, b.status = 'organized'
    from visible_books($1) b
   where b.isbn_13 = any ($2::text[]))sql"};

constexpr db::statement sql_by_key{"library.match_by_key", R"sql(
  select k.n - 1, b.id, b.title, b.subtitle, b.author, b.status = 'organized'
    from unnest($2::bytea[]) with ordinality as k (key, n)
    join visible_books($1) b on b.dup_key = k.key)sql"};

// Titles that begin so; those that are no longer come first.
constexpr db::statement sql_by_title{"library.match_by_title", R"sql(
  select k.n - 1, b.id, b.title, b.subtitle, b.author, b.status = 'organized'
    from unnest($2::text[]) with ordinality as k (key, n)
   cross join lateral (
         select v.id, v.title, v.subtitle, v.author, v.status
           from visible_books($1) v
          where v.title_key >= k.key and v.title_key < k.key || U&'\+10FFFF'
          order by v.title_key, v.id
          limit 200) b)sql"};

// Whose articles may stand in front of a title of unknown language; English ones are always left out.
constexpr std::array<std::string_view, 9> languages{"en", "de", "fr", "es", "it", "nl", "pt", "sv", "da"};

// The main part of a title, and a language by which it comes out so.
std::map<std::string, std::string_view> main_parts(const std::string& title) {
  std::map<std::string, std::string_view> out;
  for (std::string_view language : languages) {
    std::string key = publication::title_key(title, language);
    if (!key.empty()) out.emplace(std::move(key), language);
  }
  return out;
}

// "Title (Series, #2)".
std::string without_series(const std::string& title) {
  std::size_t open = title.rfind('(');
  bool series = open != title.npos && open > 0 && title.ends_with(')') && title.find('#', open) != title.npos;
  return series ? std::string(trim(title.substr(0, open))) : title;
}

std::string subtitle_in(const std::string& title) {
  std::size_t cut = title.npos, size = 0;
  for (std::string_view mark : {": ", " : ", " - ", " – ", " — "}) {
    std::size_t at = title.find(mark);
    if (at != title.npos && at > 0 && at < cut) {
      cut = at;
      size = mark.size();
    }
  }
  return cut == title.npos ? std::string() : title.substr(cut + size);
}

using word_set = std::set<std::string>;
word_set words_of(const std::string& text) {
  std::vector<std::string> words = publication::words(publication::fold(text));
  return {words.begin(), words.end()};
}

bool contains_all(const word_set& all, const word_set& some) {
  return std::includes(all.begin(), all.end(), some.begin(), some.end());
}

// "j" stands for "john".
bool same_word(const std::string& a, const std::string& b) {
  return a == b || (a.size() == 1 && b.starts_with(a)) || (b.size() == 1 && a.starts_with(b));
}

std::vector<std::string> name_words(const std::string& name) {
  std::vector<std::string> out = split(publication::fold(name), ' ');
  std::erase(out, "");
  return out;
}

struct candidate {
  uuid id;
  std::string title, subtitle, author;
  bool organized = false;
};

candidate candidate_from(const db::row& r) { return {r.id(1), r.text(2), r.text(3), r.text(4), r.flag(5)}; }

std::vector<std::string> authors_of(const candidate& c) {
  std::vector<std::string> out;
  for (std::size_t from = 0; from <= c.author.size();) {
    std::size_t to = std::min(c.author.find(" & ", from), c.author.size());
    out.push_back(c.author.substr(from, to - from));
    from = to + 3;
  }
  return out;
}

bool an_author_agrees(const book_sought& s, const candidate& c) {
  for (const std::string& theirs : authors_of(c)) {
    if (std::any_of(s.authors.begin(), s.authors.end(), [&](const std::string& a) { return same_person(a, theirs); }))
      return true;
  }
  return false;
}

// Those of the best score; of them those in the library, when there are any.
std::vector<uuid> best_of(const std::vector<candidate>& all, const std::vector<int>& scores) {
  int best = 0;
  for (std::size_t i = 0; i < all.size(); ++i) best = std::max(best, 2 * scores[i] + (scores[i] > 0 && all[i].organized ? 1 : 0));
  std::vector<uuid> out;
  for (std::size_t i = 0; i < all.size() && best > 0; ++i) {
    bool is_best = 2 * scores[i] + (all[i].organized ? 1 : 0) == best;
    if (is_best && std::find(out.begin(), out.end(), all[i].id) == out.end()) out.push_back(all[i].id);
  }
  if (out.size() > most_told) out.resize(most_told);
  return out;
}

// Several books with one ISBN: the title may tell which is meant.
book_match of_isbn(const book_sought& s, const std::vector<candidate>& all) {
  std::vector<int> scores;
  for (const candidate& c : all) scores.push_back(title_agreement(s.title, c.title, c.subtitle));
  std::vector<uuid> named = all.size() > 1 ? best_of(all, scores) : std::vector<uuid>{};
  if (named.empty()) named = best_of(all, std::vector<int>(all.size(), 1));
  return {std::move(named), true};
}

book_match of_title(const book_sought& s, const std::vector<candidate>& all) {
  std::vector<int> scores;
  for (const candidate& c : all) scores.push_back(an_author_agrees(s, c) ? title_agreement(s.title, c.title, c.subtitle) : 0);
  return {best_of(all, scores), false};
}

// Keys of several that are sought, in one statement.
class key_list {
 public:
  void add(std::string key, std::size_t whose) {
    keys_.push_back(std::move(key));
    whose_.push_back(whose);
  }
  bool empty() const { return keys_.empty(); }
  const std::vector<std::string>& texts() const { return keys_; }
  std::vector<db::bytes> raw() const {
    std::vector<db::bytes> out;
    for (const std::string& key : keys_) out.push_back({key});
    return out;
  }
  std::size_t whose(std::int64_t place) const { return whose_.at(static_cast<std::size_t>(place)); }

 private:
  std::vector<std::string> keys_;
  std::vector<std::size_t> whose_;
};

void match_isbns(db::tx& tx, const uuid& viewer, const std::vector<book_sought>& sought, std::vector<book_match>& out) {
  std::vector<std::string> wanted;
  for (const book_sought& s : sought) wanted.insert(wanted.end(), s.isbns.begin(), s.isbns.end());
  if (wanted.empty()) return;
  std::unordered_map<std::string, std::vector<candidate>> found;
  for (const db::row& r : tx.run(sql_by_isbn, viewer, wanted)) found[r.text(0)].push_back(candidate_from(r));
  for (std::size_t i = 0; i < sought.size(); ++i) {
    std::vector<candidate> all;
    for (const std::string& isbn : sought[i].isbns) {
      if (auto at = found.find(isbn); at != found.end()) all.insert(all.end(), at->second.begin(), at->second.end());
    }
    if (!all.empty()) out[i] = of_isbn(sought[i], all);
  }
}

void match_titles(db::tx& tx, const uuid& viewer, const std::vector<book_sought>& sought, std::vector<book_match>& out) {
  key_list dup_keys, titles;
  for (std::size_t i = 0; i < sought.size(); ++i) {
    const book_sought& s = sought[i];
    if (!out[i].books.empty() || s.title.empty() || s.authors.empty()) continue;
    for (const auto& [part, language] : main_parts(s.title)) {
      titles.add(publication::sort_key(part), i);
      for (std::size_t a = 0; a < std::min(s.authors.size(), most_authors); ++a)
        dup_keys.add(publication::dup_key(s.title, language, s.authors[a]), i);
    }
  }
  if (titles.empty()) return;
  std::unordered_map<std::size_t, std::vector<candidate>> found;
  for (const db::row& r : tx.run(sql_by_key, viewer, dup_keys.raw()))
    found[dup_keys.whose(r.integer(0))].push_back(candidate_from(r));
  for (const db::row& r : tx.run(sql_by_title, viewer, titles.texts()))
    found[titles.whose(r.integer(0))].push_back(candidate_from(r));
  for (const auto& [i, all] : found) out[i] = of_title(sought[i], all);
}

}  // namespace

int title_agreement(const std::string& given, const std::string& title, const std::string& subtitle) {
  std::string sought = without_series(given), ours = without_series(title);
  std::string folded = publication::fold(sought);
  if (folded.empty()) return 0;
  if (folded == publication::fold(ours) || folded == publication::fold(ours + " " + subtitle)) return 2;

  std::map<std::string, std::string_view> theirs = main_parts(ours);
  auto parts = main_parts(sought);
  bool same_main = std::any_of(parts.begin(), parts.end(), [&](const auto& part) { return theirs.contains(part.first); });
  if (!same_main) return 0;
  word_set one = words_of(subtitle_in(sought)), other = words_of(subtitle.empty() ? subtitle_in(ours) : subtitle);
  if (one == other) return 2;
  return contains_all(one, other) || contains_all(other, one) ? 1 : 0;
}

bool same_person(const std::string& a, const std::string& b) {
  if (publication::author_key(a) == publication::author_key(b)) return true;
  std::vector<std::string> few = name_words(a), many = name_words(b);
  if (few.size() > many.size()) few.swap(many);
  // Whole names first, so that an initial does not take one away.
  std::stable_sort(few.begin(), few.end(), [](const std::string& x, const std::string& y) { return x.size() > y.size(); });
  bool whole = false;
  for (const std::string& word : few) {
    auto at = std::find(many.begin(), many.end(), word);
    if (at == many.end()) at = std::find_if(many.begin(), many.end(), [&](const std::string& w) { return same_word(word, w); });
    if (at == many.end()) return false;
    whole = whole || (word.size() > 1 && *at == word);
    many.erase(at);
  }
  return whole;
}

std::vector<book_match> match_books(db::tx& tx, const uuid& viewer, const std::vector<book_sought>& sought) {
  std::vector<book_match> out(sought.size());
  match_isbns(tx, viewer, sought, out);
  match_titles(tx, viewer, sought, out);
  return out;
}

}  // namespace carrel::library
