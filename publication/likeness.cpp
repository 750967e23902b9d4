#include "publication/likeness.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <iterator>
#include <set>
#include <string>
#include <vector>

#include "publication/unicode.hpp"
#include "server/core/text.hpp"

namespace carrel::publication {
namespace {

constexpr std::size_t longest = 300;  // characters: the time grows with the product of both

constexpr std::array<std::string_view, 10> articles{"the", "a", "an", "der", "die", "das", "le", "la", "les", "el"};

std::vector<std::string> words_of(std::string_view text) {
  std::string with_and;
  for (char c : text) c == '&' ? with_and += " and " : with_and += c;
  std::vector<std::string> out;
  for (std::string& word : split(fold(with_and), ' ')) {
    if (!word.empty()) out.push_back(std::move(word));
  }
  return out;
}

// Words of a title without the article in front, unless it is all there is.
std::vector<std::string> title_words(std::string_view title) {
  std::vector<std::string> out = words_of(title);
  if (out.size() > 1 && std::find(articles.begin(), articles.end(), out.front()) != articles.end()) out.erase(out.begin());
  return out;
}

std::u32string letters(const std::vector<std::string>& words) {
  std::u32string out = code_points(join(words, " "));
  if (out.size() > longest) out.resize(longest);
  return out;
}

double jaro(const std::u32string& a, const std::u32string& b) {
  if (a.empty() || b.empty()) return a.empty() && b.empty() ? 1 : 0;
  std::size_t reach = std::max<std::size_t>(std::max(a.size(), b.size()) / 2, 1) - 1;
  std::vector<bool> met_a(a.size()), met_b(b.size());
  std::size_t common = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    std::size_t from = i > reach ? i - reach : 0, to = std::min(b.size(), i + reach + 1);
    for (std::size_t j = from; j < to; ++j) {
      if (met_b[j] || a[i] != b[j]) continue;
      met_a[i] = met_b[j] = true;
      ++common;
      break;
    }
  }
  if (common == 0) return 0;
  std::size_t other_place = 0, j = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (!met_a[i]) continue;
    while (!met_b[j]) ++j;
    if (a[i] != b[j++]) ++other_place;
  }
  auto m = static_cast<double>(common);
  return (m / static_cast<double>(a.size()) + m / static_cast<double>(b.size()) +
          (m - static_cast<double>(other_place / 2)) / m) /
         3;
}

double jaro_winkler(const std::u32string& a, const std::u32string& b) {
  double out = jaro(a, b);
  std::size_t same = 0;
  while (same < 4 && same < a.size() && same < b.size() && a[same] == b[same]) ++same;
  return out + static_cast<double>(same) * 0.1 * (1 - out);
}

double of_word_sets(const std::vector<std::string>& a, const std::vector<std::string>& b) {
  std::set<std::string> first(a.begin(), a.end()), second(b.begin(), b.end());
  std::vector<std::string> both, with_first, with_second;
  std::set_intersection(first.begin(), first.end(), second.begin(), second.end(), std::back_inserter(both));
  with_first = with_second = both;
  std::set_difference(first.begin(), first.end(), second.begin(), second.end(), std::back_inserter(with_first));
  std::set_difference(second.begin(), second.end(), first.begin(), first.end(), std::back_inserter(with_second));
  std::u32string common = letters(both), one = letters(with_first), other = letters(with_second);
  double out = letter_likeness(one, other);
  if (!both.empty()) out = std::max({out, letter_likeness(common, one), letter_likeness(common, other)});
  return out;
}

struct parted_name {
  std::string surname, first;
};

parted_name parted(std::string_view name) {
  std::size_t comma = name.find(',');
  std::vector<std::string> words = words_of(name.substr(0, comma));
  if (comma != std::string_view::npos) return {join(words, " "), join(words_of(name.substr(comma + 1)), " ")};
  if (words.empty()) return {};
  std::string surname = words.back();
  words.pop_back();
  return {surname, join(words, " ")};
}

}  // namespace

double letter_likeness(const std::u32string& a, const std::u32string& b) {
  if (a.empty() && b.empty()) return 1;
  std::vector<std::size_t> row(b.size() + 1);
  for (char32_t c : a) {
    std::size_t corner = 0;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      std::size_t above = row[j];
      row[j] = c == b[j - 1] ? corner + 1 : std::max(row[j], row[j - 1]);
      corner = above;
    }
  }
  return 2 * static_cast<double>(row.back()) / static_cast<double>(a.size() + b.size());
}

namespace {

// How often each letter occurs; some letters share a place, so that two texts seem to have no less in common than they have.
using letter_counts = std::array<std::uint16_t, 64>;

letter_counts counts_of(const std::u32string& text) {
  letter_counts out{};
  for (char32_t c : text) ++out[c % out.size()];
  return out;
}

std::size_t common_of(const letter_counts& a, const letter_counts& b) {
  std::size_t out = 0;
  for (std::size_t i = 0; i < a.size(); ++i) out += std::min(a[i], b[i]);
  return out;
}

double most_jaro_winkler(const std::u32string& a, const std::u32string& b, std::size_t common) {
  if (common == 0) return 0;
  auto m = static_cast<double>(common);
  double jaro = (m / static_cast<double>(a.size()) + m / static_cast<double>(b.size()) + 1) / 3;
  return jaro + 0.4 * (1 - jaro);
}

double share(std::size_t common, std::size_t a, std::size_t b) {
  return 2 * static_cast<double>(common) / static_cast<double>(a + b);
}

}  // namespace

struct known_title::form {
  std::string raw;
  std::vector<std::string> words, set;  // `set`: each once, sorted
  std::u32string text, text_of_set;
  letter_counts counts, counts_of_set;

  explicit form(std::string_view title) : raw(title), words(title_words(title)), set(words), text(letters(words)) {
    std::sort(set.begin(), set.end());
    set.erase(std::unique(set.begin(), set.end()), set.end());
    text_of_set = letters(set);
    counts = counts_of(text);
    counts_of_set = counts_of(text_of_set);
  }

  // Never less than what title_likeness() finds.
  double most(const form& o) const {
    if (text_of_set.size() == longest || o.text_of_set.size() == longest) return 1;  // cut, and not in one order
    std::vector<std::string> both;
    std::set_intersection(set.begin(), set.end(), o.set.begin(), o.set.end(), std::back_inserter(both));
    std::size_t a = text_of_set.size(), b = o.text_of_set.size(), shared = both.empty() ? 0 : letters(both).size();
    double of_sets =
        std::max({share(common_of(counts_of_set, o.counts_of_set), a, b), share(shared, shared, a), share(shared, shared, b)});
    return std::max(most_jaro_winkler(text, o.text, common_of(counts, o.counts)), of_sets);
  }

  double exactly(const form& o) const {
    if (words.empty() || o.words.empty()) return words.empty() && o.words.empty() && !raw.empty() && raw == o.raw ? 1 : 0;
    if (words == o.words) return 1;
    return std::max(jaro_winkler(text, o.text), of_word_sets(words, o.words));
  }
};

known_title::known_title(std::string_view title) : is_(std::make_unique<const form>(title)) {}
known_title::~known_title() = default;

double known_title::likeness(std::string_view other, double least) const {
  form with(other);
  bool words = !is_->words.empty() && !with.words.empty();
  if (words && is_->most(with) < least) return 0;
  double out = is_->exactly(with);
  return out < least ? 0 : out;
}

double title_likeness(std::string_view a, std::string_view b) { return known_title(a).likeness(b, 0); }

double name_likeness(std::string_view a, std::string_view b) {
  parted_name one = parted(a), other = parted(b);
  if (one.surname.empty() || one.surname != other.surname) return 0;
  std::u32string first = code_points(one.first), second = code_points(other.first);
  double alike = jaro_winkler(first, second);
  bool initial = !first.empty() && !second.empty() && first.front() == second.front();
  bool abbreviated = initial && (first.size() == 1 || second.size() == 1);
  if (abbreviated && first != second) alike = 0.8;
  return 0.7 + 0.3 * alike;
}

}  // namespace carrel::publication
