#include "library/spelling.hpp"

#include <algorithm>
#include <array>

#include "publication/search_fold.hpp"
#include "publication/unicode.hpp"
#include "server/core/text.hpp"

namespace carrel::library {
namespace {

constexpr std::size_t most_tries = 6, choices = 3, most_wrong = 3, most_words = 6;
constexpr std::size_t longest_word = 40;

constexpr db::statement sql_note{"library.note_spellings", R"sql(
  insert into spellings (word, written)
  select n.word, n.written from unnest($1::text[], $2::text[]) as n (word, written)
   where not exists (select from spellings s where s.word = n.word) order by n.word
      on conflict do nothing)sql"};

constexpr db::statement sql_near{"library.near_words", "select word, written from spellings order by word <-> $1 limit 40"};

// How far a word of that length may be from what is meant.
std::size_t tolerated(std::size_t letters) { return letters < 3 ? 0 : letters < 6 ? 1 : letters < 12 ? 2 : 3; }

std::vector<std::string> near(db::tx& tx, const std::string& word) {
  struct candidate {
    std::size_t apart = 0;
    bool other_start = false;
    std::string written;
  };
  std::u32string typed = publication::code_points(word);
  std::size_t most = tolerated(typed.size());
  std::vector<candidate> all;
  for (const db::row& r : tx.run(sql_near, word)) {
    std::u32string there = publication::code_points(r.view(0));
    std::size_t apart = letters_apart(typed, there, most);
    if (apart > 0 && apart <= most) all.push_back({apart, there.front() != typed.front(), r.text(1)});
  }
  // Stable: what is equal stays in the order of likeness.
  std::stable_sort(all.begin(), all.end(), [](const candidate& a, const candidate& b) {
    return a.apart != b.apart ? a.apart < b.apart : a.other_start < b.other_start;
  });
  std::vector<std::string> out;
  for (candidate& c : all) {
    if (out.size() < choices) out.push_back(std::move(c.written));
  }
  return out;
}

// A word of a query that no book has. What was typed may be more than the word: a sign before or behind it.
struct wrong {
  std::string typed, word;
  std::vector<std::string> meant;
};

std::vector<std::string query::*> texts() { return {&query::all, &query::title, &query::author, &query::series, &query::tag}; }

// Known is what a search of this viewer finds: whatever else the library holds says nothing here.
bool is_known(db::tx& tx, const uuid& viewer, const query& q, const std::string& word) {
  query alone;
  alone.all = word;
  alone.for_whom = q.for_whom;
  return !search_outline(tx, viewer, alone, 0, 1).books.empty();
}

std::vector<wrong> wrong_words(db::tx& tx, const uuid& viewer, const query& q) {
  std::vector<wrong> out;
  std::size_t looked_at = 0;
  for (std::string query::*text : texts()) {
    for (const search_term& t : search_terms(q.*text)) {
      if (t.field == "isbn" || t.field == "year" || t.field == "language") continue;
      for (const std::string& piece : split(t.text, ' ')) {
        std::vector<std::string> folded = publication::search_words_in(piece);
        if (folded.size() != 1 || folded[0].size() > longest_word || tolerated(count_code_points(folded[0])) == 0) continue;
        if (folded[0].find_first_of("0123456789") != std::string::npos || ++looked_at > most_words) continue;
        if (!is_known(tx, viewer, q, folded[0])) out.push_back({piece, folded[0], {}});
      }
    }
  }
  return out;
}

// Where it stands alone: not the same letters within a longer word.
void replace_all(std::string& text, const std::string& what, const std::string& by) {
  auto ends = [&](std::size_t at) {
    return at >= text.size() || std::string_view(" \t\r\n\":").find(text[at]) != std::string_view::npos;
  };
  for (std::size_t at = text.find(what); at != text.npos; at = text.find(what, at)) {
    bool alone = (at == 0 || ends(at - 1)) && ends(at + what.size());
    if (alone) text.replace(at, what.size(), by);
    at += alone ? by.size() : 1;
  }
}

query with(const query& q, const std::vector<wrong>& all, const std::vector<std::size_t>& choice) {
  query out = q;
  for (std::size_t i = 0; i < all.size(); ++i) {
    for (std::string query::*text : texts()) replace_all(out.*text, all[i].typed, all[i].meant[choice[i]]);
  }
  return out;
}

}  // namespace

std::size_t letters_apart(std::u32string_view a, std::u32string_view b, std::size_t most) {
  std::size_t longer = std::max(a.size(), b.size()), shorter = std::min(a.size(), b.size());
  if (longer - shorter > most) return most + 1;
  std::array<std::vector<std::size_t>, 3> rows;  // of two letters before, of the one before, of this
  for (std::vector<std::size_t>& row : rows) row.resize(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) rows[1][j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    rows[2][0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      std::size_t other = rows[1][j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
      rows[2][j] = std::min({rows[1][j] + 1, rows[2][j - 1] + 1, other});
      bool changed_about = i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1];
      if (changed_about) rows[2][j] = std::min(rows[2][j], rows[0][j - 2] + 1);
    }
    std::rotate(rows.begin(), rows.begin() + 1, rows.end());
  }
  return std::min(rows[1][b.size()], most + 1);
}

void note_spellings(db::tx& tx, const std::vector<spelling>& all) {
  std::vector<std::string> words, written;
  for (const spelling& s : all) {
    words.push_back(s.word);
    written.push_back(s.written);
  }
  if (!all.empty()) tx.run(sql_note, words, written);
}

std::optional<query> respelled(db::tx& tx, const uuid& viewer, const query& q) {
  std::vector<wrong> all = wrong_words(tx, viewer, q);
  if (all.empty() || all.size() > most_wrong) return std::nullopt;
  for (wrong& w : all) {
    w.meant = near(tx, w.word);
    if (w.meant.empty()) return std::nullopt;  // a word that no book has, whatever the others mean
  }
  // The nearest of each first, then one word after the other by its next choices.
  std::vector<std::vector<std::size_t>> tries{std::vector<std::size_t>(all.size(), 0)};
  for (std::size_t i = 0; i < all.size(); ++i) {
    for (std::size_t n = 1; n < all[i].meant.size(); ++n) {
      tries.emplace_back(all.size(), 0);
      tries.back()[i] = n;
    }
  }
  if (tries.size() > most_tries) tries.resize(most_tries);
  for (const std::vector<std::size_t>& choice : tries) {
    query other = with(q, all, choice);
    if (!search_outline(tx, viewer, other, 0, 1).books.empty()) return other;
  }
  return std::nullopt;
}

}  // namespace carrel::library
