#include "publication/names.hpp"

#include <algorithm>
#include <array>
#include <vector>

#include "publication/unicode.hpp"
#include "publication/unicode_tools.hpp"
#include "publication/xml.hpp"
#include "server/core/text.hpp"

namespace carrel::publication {
namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool all_digits(std::string_view s) { return !s.empty() && std::all_of(s.begin(), s.end(), is_digit); }

bool is_year(std::string_view s) { return s.size() == 4 && all_digits(s) && s >= "1000" && s <= "2100"; }

// "7", "007", "1.5"
bool is_number(std::string_view s) {
  std::size_t point = s.find('.');
  if (point == std::string_view::npos) return all_digits(s) && s.size() <= 5;
  return all_digits(s.substr(0, point)) && all_digits(s.substr(point + 1)) && s.size() <= 8;
}

std::string plain_number(std::string_view s) {
  while (s.size() > 1 && s[0] == '0' && is_digit(s[1])) s.remove_prefix(1);
  return std::string(s);
}

bool is_asin(std::string_view s) {
  return s.size() == 10 && s.starts_with("B0") &&
         std::all_of(s.begin(), s.end(), [](char c) { return is_digit(c) || (c >= 'A' && c <= 'Z'); });
}

bool is_format_word(std::string_view inside) {
  static constexpr std::array<std::string_view, 20> known{"epub",  "kepub", "pdf", "mobi",       "azw",      "azw3",   "fb2",
                                                          "txt",   "cbz",   "cbr", "mp3",        "m4b",      "retail", "digital",
                                                          "ebook", "scan",  "ocr", "unabridged", "abridged", "kobo"};
  std::string folded = fold(inside);
  std::vector<std::string> parts = split(folded, ' ');
  return !folded.empty() && std::all_of(parts.begin(), parts.end(), [](const std::string& p) {
    return std::find(known.begin(), known.end(), p) != known.end();
  });
}

// Splits "Series #1.5", "Series 01", "Series, Book 2", "Series Vol. 3" into name and number.
bool split_series(std::string_view s, std::string& series, std::string& index) {
  s = trim(s);
  std::size_t at = s.find_last_of(" #");
  if (at == std::string_view::npos) return false;
  std::string_view number = s.substr(at + 1);
  if (!is_number(number) || is_year(number)) return false;
  std::string_view name = trim(s.substr(0, at));
  while (!name.empty() && (name.back() == '#' || name.back() == ',')) name = trim(name.substr(0, name.size() - 1));
  for (std::string_view label : {"book", "vol.", "vol", "volume", "band", "tome", "part", "no.", "teil"}) {
    if (name.size() > label.size() + 1 && equal_ascii_case(name.substr(name.size() - label.size()), label) &&
        (name[name.size() - label.size() - 1] == ' ' || name[name.size() - label.size() - 1] == ',')) {
      name = trim(name.substr(0, name.size() - label.size()));
      if (name.ends_with(',')) name = trim(name.substr(0, name.size() - 1));
      break;
    }
  }
  if (name.empty() || all_digits(name)) return false;
  series = std::string(name);
  index = plain_number(number);
  return true;
}

// Takes groups in brackets off the end as long as they mean something.
void take_brackets(std::string& s, guess& g) {
  for (;;) {
    s = std::string(trim(s));
    char close = s.empty() ? '\0' : s.back();
    char open = close == ')' ? '(' : close == ']' ? '[' : close == '}' ? '{' : '\0';
    std::size_t at = open == '\0' ? std::string::npos : s.rfind(open);
    if (at == std::string::npos || at == 0) return;
    std::string inside(trim(std::string_view(s).substr(at + 1, s.size() - at - 2)));
    std::string series, index;
    if (open == '{') {
      if (g.narrator.empty()) g.narrator = inside;
    } else if (is_year(inside)) {
      if (g.year.empty()) g.year = inside;
    } else if (open == '[' && is_asin(inside)) {
      g.asin = inside;
    } else if (split_series(inside, series, index)) {
      if (g.series.empty()) {
        g.series = series;
        g.series_index = index;
      }
    } else if (!all_digits(inside) && !is_format_word(inside)) {
      return;
    }
    s.resize(at);
  }
}

bool ends_with_copy_mark(std::string_view s) {
  for (std::string_view mark : {" - copy", " - kopie", " - copie", " copy"}) {
    if (s.size() > mark.size() && equal_ascii_case(s.substr(s.size() - mark.size()), mark)) return true;
  }
  return false;
}

std::string readable_stem(std::string_view name) {
  std::string s = clean_text(file_stem(name), 1000);
  if (s.find(' ') == std::string::npos) std::replace(s.begin(), s.end(), '_', ' ');
  s = collapse_spaces(s);
  while (ends_with_copy_mark(s)) {
    std::size_t at = s.rfind(s.ends_with("opy") && s[s.size() - 5] == ' ' && s[s.size() - 6] != '-' ? " " : " - ");
    if (at == 0 || at == std::string::npos) break;
    s.resize(at);
  }
  return s;
}

std::vector<std::string> dash_parts(std::string_view s) {
  std::vector<std::string> out;
  for (std::size_t from = 0;;) {
    std::size_t at = s.find(" - ", from), en = s.find(" – ", from);
    std::size_t next = std::min(at, en);
    std::string_view piece = trim(s.substr(from, next == std::string_view::npos ? next : next - from));
    if (!piece.empty()) out.emplace_back(piece);
    if (next == std::string_view::npos) return out;
    from = next + (next == at ? 3 : std::string_view(" – ").size());
  }
}

bool starts_with_capital(std::string_view word) {
  std::size_t i = 0;
  return !word.empty() && u_isupper(next_code_point(word, i));
}

// Two or three capitalised words, as names of people are.
bool looks_like_name(const std::string& s) {
  if (s.find(',') != std::string::npos) return split(s, ',').size() == 2;
  std::vector<std::string> parts = split(s, ' ');
  return parts.size() >= 2 && parts.size() <= 3 && std::all_of(parts.begin(), parts.end(), starts_with_capital) &&
         std::none_of(s.begin(), s.end(), is_digit);
}

bool looks_like_title(const std::string& s) {
  return split(s, ' ').size() > 3 || title_sort(s, "en") != s || title_sort(s, "de") != s || title_sort(s, "fr") != s;
}

std::string natural_author(const std::string& s) {
  std::vector<std::string> parts = split(s, ',');
  return parts.size() == 2 && !parts[0].empty() && !parts[1].empty() ? parts[1] + " " + parts[0] : s;
}

std::string unbracketed(const std::string& s) {
  if (s.size() > 2 && ((s.front() == '[' && s.back() == ']') || (s.front() == '(' && s.back() == ')')))
    return s.substr(1, s.size() - 2);
  return s;
}

bool take_volume_word(std::string_view& s) {
  for (std::string_view word : {"book ", "volume ", "vol. ", "vol.", "vol ", "band ", "teil ", "tome ", "part "}) {
    if (s.size() <= word.size() || !equal_ascii_case(s.substr(0, word.size()), word)) continue;
    s.remove_prefix(word.size());
    return true;
  }
  return false;
}

// "1.5" of "1.5 - Title", but "6" of "6.Title".
std::string_view take_digits(std::string_view& s) {
  auto end_of_digits = [&](std::size_t from) { return std::min(s.find_first_not_of("0123456789", from), s.size()); };
  std::size_t n = end_of_digits(0);
  if (n > 0 && n + 1 < s.size() && s[n] == '.' && is_digit(s[n + 1])) n = end_of_digits(n + 1);
  std::string_view out = s.substr(0, n);
  s.remove_prefix(n);
  return out;
}

enum class divider { none, blank, point, dash };

divider take_divider(std::string_view& s) {
  if (s.starts_with(" - ")) return s.remove_prefix(3), divider::dash;
  // A point that only the extension has is no divider.
  if (s.starts_with('.') && s.find('.', 1) != std::string_view::npos) return s.remove_prefix(1), divider::point;
  return s.starts_with(' ') ? divider::blank : divider::none;
}

// Takes a year, or the place in a series, off the front of a name; something always stays.
bool take_front(std::string_view& name, std::string& year, std::string& index) {
  constexpr std::size_t longest_bare = 3;
  std::string_view rest = trim(name);
  bool labelled = take_volume_word(rest);
  std::string_view number = take_digits(rest);
  divider behind = take_divider(rest);
  bool is_a_year = !labelled && behind == divider::dash && is_year(number);
  bool short_enough = labelled || number.substr(0, number.find('.')).size() <= longest_bare;
  bool divided = behind == divider::dash || behind == divider::point || (labelled && behind == divider::blank);
  std::string& place = is_a_year ? year : index;
  rest = trim(rest);
  if (!divided || !place.empty() || rest.empty() || rest.starts_with('.')) return false;
  if (!is_a_year && (!is_number(number) || !short_enough)) return false;
  place = plain_number(number);
  name = rest;
  return true;
}

}  // namespace

std::string file_stem(std::string_view name) {
  name = name.substr(name.rfind('/') + 1);
  std::string extension = file_extension(name);
  return std::string(extension.empty() ? name : name.substr(0, name.size() - extension.size() - 1));
}

std::string file_extension(std::string_view name) {
  name = name.substr(name.rfind('/') + 1);
  for (std::string_view two : {".kepub.epub", ".fb2.zip"}) {
    if (name.size() > two.size() && equal_ascii_case(name.substr(name.size() - two.size()), two))
      return std::string(two.substr(1));
  }
  std::size_t dot = name.rfind('.');
  if (dot == std::string_view::npos || dot == 0 || dot + 1 == name.size() || name.size() - dot > 12) return {};
  std::string_view extension = name.substr(dot + 1);
  bool plain = std::all_of(extension.begin(), extension.end(),
                           [](char c) { return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); });
  return plain ? lower_ascii(extension) : std::string();
}

guess guess_from_name(std::string_view name, const author_test& is_author) {
  guess g;
  std::string s = readable_stem(name);
  take_brackets(s, g);
  std::vector<std::string> parts = dash_parts(s);
  if (parts.empty()) parts.push_back(s);

  std::string series, index;
  if (parts.size() >= 3 && split_series(unbracketed(parts[1]), series, index)) {
    // "Author - Series 01 - Title"
    g.author = natural_author(parts[0]);
    g.series = series;
    g.series_index = index;
    parts.erase(parts.begin(), parts.begin() + 2);
  } else if (parts.size() == 2 && split_series(unbracketed(parts[0]), series, index)) {
    // "Series 01 - Title"
    g.series = series;
    g.series_index = index;
    parts.erase(parts.begin());
  } else if (parts.size() == 2 &&
             ((is_author && is_author(natural_author(parts[0]))) || (looks_like_name(parts[0]) && looks_like_title(parts[1])))) {
    g.author = natural_author(parts[0]);
    parts.erase(parts.begin());
  }
  g.title = join(parts, " - ");
  take_brackets(g.title, g);
  if (g.title.empty()) g.title = readable_stem(name);
  if (g.title.empty()) g.title = "_";
  return g;
}

guess guess_from_comic_name(std::string_view name) {
  guess g;
  std::string s = readable_stem(name);
  take_brackets(s, g);
  if (std::string series, index; split_series(s, series, index)) {
    g.series = series;
    g.series_index = index;
  }
  g.title = s.empty() ? readable_stem(name) : s;
  if (g.title.empty()) g.title = "_";
  return g;
}

guess guess_from_audiobook_name(std::string_view name, const author_test& is_author) {
  name = name.substr(name.rfind('/') + 1);
  std::string year, index;
  while (take_front(name, year, index)) {
  }
  guess g = guess_from_name(name, is_author);
  if (g.year.empty()) g.year = year;
  if (g.series_index.empty()) g.series_index = index;
  return g;
}

guess guess_from_audiobook_folder(std::string_view path) {
  // Whatever a folder's name ends with, it is no file's extension.
  auto as_file = [](const std::string& folder) { return folder + ".mp3"; };
  std::vector<std::string> parts = split(path, '/');
  std::erase(parts, "");
  if (parts.empty()) return guess_from_name("");
  guess g = guess_from_audiobook_name(as_file(parts.back()));
  if (parts.size() >= 2)
    g.author = natural_author(readable_stem(as_file(parts[parts.size() - std::min<std::size_t>(parts.size(), 3)])));
  if (parts.size() >= 3) g.series = readable_stem(as_file(parts[parts.size() - 2]));
  return g;
}

void complete_from_name(metadata& about, const guess& g, std::vector<warning>& warnings) {
  bool untitled = about.title.empty();
  if (untitled) {
    warn(warnings, "metadata_missing_title");
    about.title = g.title;
    about.title_sort = title_sort(g.title, about.languages.empty() ? "" : about.languages.front());
  }
  bool same_book = untitled || fold(g.title) == fold(about.title);
  if (same_book && about.series.empty()) {
    about.series = g.series;
    about.series_index_text = g.series_index;
    about.series_index = to_double(g.series_index);
  }
  if (same_book && about.published_on.empty()) about.published_on = g.year;
  if (!about.authors.empty()) return;
  warn(warnings, "metadata_missing_author");
  if (!g.author.empty() && same_book) about.authors.push_back({g.author, author_sort(g.author), "aut"});
}

}  // namespace carrel::publication
