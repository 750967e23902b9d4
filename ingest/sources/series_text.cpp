#include "ingest/sources/series_text.hpp"

#include <algorithm>
#include <array>

#include "server/core/text.hpp"

namespace carrel::ingest::sources {
namespace {

constexpr std::size_t longest_position = 40;

bool is_digit(char c) { return c >= '0' && c <= '9'; }

std::optional<series_text> made_of(std::string_view name, std::string_view position) {
  name = trim(name);
  while (!name.empty() && std::string_view(",;:-#").find(name.back()) != std::string_view::npos)
    name = trim(name.substr(0, name.size() - 1));
  position = trim(position);
  if (name.empty() || position.empty() || position.size() > longest_position || !is_digit(position.front())) return std::nullopt;
  return series_text{std::string(name), std::string(position)};
}

// The words that stand before the number of a volume, the longer form of one first.
constexpr std::array<std::string_view, 19> volume_words{"book",   "bk.",  "bk",   "volume", "vol.", "vol",  "v.",
                                                        "number", "no.",  "no",   "part",   "pt.",  "band", "bd.",
                                                        "teil",   "tome", "tomo", "libro",  "deel"};

// "Foo, Book 2": the last such word with a number behind it.
std::optional<series_text> with_volume_word(std::string_view s) {
  for (std::size_t at = s.size(); at-- > 1;) {
    if (s[at - 1] != ' ' && s[at - 1] != ',' && s[at - 1] != ';') continue;
    for (std::string_view word : volume_words) {
      std::string_view rest = s.substr(at);
      if (rest.size() <= word.size() || !equal_ascii_case(rest.substr(0, word.size()), word)) continue;
      rest.remove_prefix(word.size());
      if (rest.front() != ' ' && word.back() != '.') continue;
      return made_of(s.substr(0, at), rest);
    }
  }
  return std::nullopt;
}

}  // namespace

std::optional<series_text> parted_series(std::string_view text) {
  constexpr std::size_t longest = 1000;
  std::string_view s = trim(text);
  if (s.size() > longest) return std::nullopt;
  for (std::string_view mark : {" -- ", "#"}) {
    std::size_t at = s.rfind(mark);
    if (at == std::string_view::npos) continue;
    std::string_view behind = trim(s.substr(at + mark.size()));
    if (std::optional<series_text> found = made_of(s.substr(0, at), behind)) return found;
    // "Foo -- Book 2"
    if (std::optional<series_text> found = with_volume_word(s.substr(at + mark.size() - 1)))
      return made_of(s.substr(0, at), found->position);
  }
  if (std::optional<series_text> found = with_volume_word(s)) return found;
  std::size_t semicolon = s.rfind(';');
  return semicolon == std::string_view::npos ? std::nullopt : made_of(s.substr(0, semicolon), s.substr(semicolon + 1));
}

std::optional<series_text> take_series_tag(std::string& title) {
  if (!title.ends_with(')')) return std::nullopt;
  std::size_t open = title.rfind('(');
  if (open == std::string::npos || open == 0) return std::nullopt;
  std::string inside = title.substr(open + 1, title.size() - open - 2);
  std::vector<std::string> parts = split(inside, ';');
  parts.push_back(inside);  // "Foo ; 2"
  for (const std::string& part : parts) {
    std::optional<series_text> found = parted_series(part);
    if (!found) continue;
    title.resize(open);
    title = std::string(trim(title));
    return found;
  }
  return std::nullopt;
}

std::optional<double> first_number(std::string_view s) {
  constexpr double largest = 99'999;
  constexpr std::size_t longest = 12;
  std::size_t from = 0;
  auto digit_at = [&](std::size_t i) { return i < s.size() && is_digit(s[i]); };
  while (from < s.size() && !digit_at(from) && !(s[from] == '.' && digit_at(from + 1))) ++from;
  std::size_t to = from;
  while (digit_at(to)) ++to;
  if (to < s.size() && s[to] == '.' && digit_at(to + 1)) {
    ++to;
    while (digit_at(to)) ++to;
  }
  if (to == from || to - from > longest) return std::nullopt;
  std::string digits(s.substr(from, to - from));
  if (digits.front() == '.') digits.insert(0, 1, '0');
  std::optional<double> found = to_double(digits);
  return found && *found <= largest ? found : std::nullopt;
}

}  // namespace carrel::ingest::sources
