#include "publication/another_title.hpp"

#include <algorithm>
#include <array>
#include <set>
#include <string>
#include <vector>

#include "publication/likeness.hpp"
#include "publication/unicode.hpp"
#include "server/core/text.hpp"

namespace carrel::publication {
namespace {

constexpr double same = 0.65, all_of_it = 0.8;  // of the letters of both
constexpr std::size_t most_words = 64;
constexpr std::size_t longest_word = 64;  // characters

// Words that titles of different books have in common.
constexpr std::array<std::string_view, 28> small_words{"the", "a",   "an", "der", "die", "das", "le",  "la",  "les", "el",
                                                       "los", "il",  "un", "and", "or",  "of",  "und", "et",  "de",  "des",
                                                       "y",   "von", "in", "on",  "at",  "to",  "for", "with"};
constexpr std::array<std::string_view, 7> articles{"the", "a", "an", "der", "die", "das", "la"};

using word_list = std::vector<std::string>;

word_list words_of(std::string_view text) {
  std::string with_and;
  for (char c : text) c == '&' ? with_and += " and " : with_and += c;
  word_list out;
  for (std::string& word : split(fold(with_and), ' ')) {
    if (!word.empty() && out.size() < most_words) out.push_back(std::move(word));
  }
  return out;
}

template <class List>
bool is_in(const List& list, const std::string& word) {
  return std::find(list.begin(), list.end(), word) != list.end();
}

// Its words that tell it from others; all of them when there are no such.
word_list telling(const word_list& all) {
  word_list out;
  std::copy_if(all.begin(), all.end(), std::back_inserter(out), [](const std::string& w) { return !is_in(small_words, w); });
  return out.empty() ? all : out;
}

bool is_number(const std::string& word) {
  static const std::set<std::string> roman{"ii", "iii", "iv", "vi", "vii", "viii", "ix", "xi", "xii"};
  return roman.contains(word) || std::all_of(word.begin(), word.end(), [](char c) { return c >= '0' && c <= '9'; });
}

std::set<std::string> numbers_of(const word_list& all) {
  std::set<std::string> out;
  std::copy_if(all.begin(), all.end(), std::inserter(out, out.end()), is_number);
  return out;
}

// "harbour" and "harbor"; in a word of fewer than `least` characters each one counts.
bool is_same_word(const std::string& a, const std::string& b, std::size_t least) {
  if (a == b) return true;
  std::u32string one = code_points(a), other = code_points(b);
  if (std::min(one.size(), other.size()) < least || std::max(one.size(), other.size()) > longest_word) return false;
  return letter_likeness(one, other) >= 0.85;
}

std::size_t letters_of(const word_list& all) {
  std::size_t out = 0;
  for (const std::string& w : all) out += code_points(w).size();
  return out;
}

// Letters of the words that both have, of the letters of both.
double words_in_common(const word_list& a, word_list b) {
  std::size_t all = letters_of(a) + letters_of(b), common = 0;
  std::size_t least = a.size() == 1 && b.size() == 1 ? 8 : 5;  // where there is one word alone, "Stand" is not "Strand"
  for (const std::string& word : a) {
    auto at = std::find_if(b.begin(), b.end(), [&](const std::string& other) { return is_same_word(word, other, least); });
    if (at == b.end()) continue;
    common += code_points(word).size() + code_points(*at).size();
    b.erase(at);
  }
  return all == 0 ? 0 : static_cast<double>(common) / static_cast<double>(all);
}

// What stands between marks that set a subtitle or a series apart; a hyphen within a word is none of them.
std::vector<word_list> parts_of(std::string_view title) {
  std::vector<word_list> out;
  std::string part;
  auto close = [&] {
    word_list words = words_of(part);
    if (!words.empty()) out.push_back(std::move(words));
    part.clear();
  };
  std::u32string all = code_points(title);
  for (std::size_t i = 0; i < all.size(); ++i) {
    bool between_blanks = i > 0 && i + 1 < all.size() && all[i - 1] == U' ' && all[i + 1] == U' ';
    constexpr std::u32string_view marks = U":;,.()[]{}|/\u2013\u2014\uFF1A\uFF08\uFF09\u300A\u300B";
    bool apart = marks.find(all[i]) != std::u32string_view::npos || (all[i] == U'-' && between_blanks) ||
                 (all[i] == U'_' && i + 1 < all.size() && all[i + 1] == U' ');  // a colon in the name of a file
    apart ? close() : append_utf8(part, all[i]);
  }
  close();
  return out;
}

// The one is the other, and what follows is set apart or starts with an article: "Dune: The Graphic Novel", "Educated A Memoir".
bool has_as_part(std::string_view longer, const word_list& shorter) {
  std::vector<word_list> parts = parts_of(longer);
  auto is_it = [&](const word_list& part) { return words_in_common(telling(part), telling(shorter)) >= all_of_it; };
  if (std::any_of(parts.begin(), parts.end(), is_it)) return true;
  word_list all = words_of(longer);
  return all.size() > shorter.size() && std::equal(shorter.begin(), shorter.end(), all.begin()) &&
         is_in(articles, all[shorter.size()]);
}

}  // namespace

bool is_another_title(std::string_view a, std::string_view b) {
  word_list one = words_of(a), other = words_of(b);
  if (one.empty() || other.empty() || one == other) return false;
  std::set<std::string> numbers = numbers_of(one), others = numbers_of(other);
  if (!numbers.empty() && !others.empty() && numbers != others) return true;
  word_list first = telling(one), second = telling(other);
  if (first == second || has_as_part(a, other) || has_as_part(b, one)) return false;
  bool one_holds_other = words_in_common(first, second) * static_cast<double>(letters_of(first) + letters_of(second)) >=
                         1.9 * static_cast<double>(std::min(letters_of(first), letters_of(second)));
  bool longer_differs = one_holds_other && first.size() != second.size();
  return words_in_common(first, second) < (longer_differs ? all_of_it : same);
}

}  // namespace carrel::publication
