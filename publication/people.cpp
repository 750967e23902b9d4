#include "publication/people.hpp"

#include <algorithm>
#include <array>

#include "publication/unicode.hpp"
#include "publication/unicode_tools.hpp"
#include "server/core/text.hpp"

namespace carrel::publication {
namespace {

constexpr std::size_t longest_name = 300;

std::size_t word_count(std::string_view s) {
  std::size_t n = 0;
  for (const std::string& w : split(s, ' ')) n += !w.empty();
  return n;
}

bool is_placeholder(const std::string& name) {
  static constexpr std::array<std::string_view, 5> none{"unknown", "unknown author", "n a", "", "author unknown"};
  std::string folded = fold(name);
  return std::find(none.begin(), none.end(), folded) != none.end();
}

std::string without_role(std::string name) {
  static constexpr std::array<std::string_view, 12> roles{"author",   "translator",  "editor",       "illustrator",
                                                          "narrator", "contributor", "autor",        "übersetzer",
                                                          "auteur",   "traducteur",  "introduction", "foreword"};
  if (!name.ends_with(')')) return name;
  std::size_t open = name.rfind('(');
  if (open == std::string::npos || open == 0) return name;
  std::string inside = case_fold(trim(std::string_view(name).substr(open + 1, name.size() - open - 2)));
  if (std::find(roles.begin(), roles.end(), inside) == roles.end()) return name;
  name.resize(open);
  return std::string(trim(name));
}

// What stands behind a comma and is no given name.
bool is_suffix(const std::string& folded) {
  static constexpr std::array<std::string_view, 14> not_given{"inc", "ltd", "llc", "jr",  "sr", "ii",   "iii",
                                                              "iv",  "phd", "md",  "esq", "co", "gmbh", "eds"};
  return std::find(not_given.begin(), not_given.end(), folded) != not_given.end();
}

// "Last, First": one comma, and neither a company nor a suffix behind it.
bool is_turned(const std::string& name) {
  std::size_t comma = name.find(',');
  if (comma == std::string::npos || name.find(',', comma + 1) != std::string::npos) return false;
  std::string behind = fold(std::string_view(name).substr(comma + 1));
  if (behind.empty() || trim(name.substr(0, comma)).empty()) return false;
  return !is_suffix(behind) && word_count(name.substr(0, comma)) <= 3;
}

}  // namespace

person_name clean_person(std::string_view raw, std::string_view given_sort, std::string_view language, bool turn) {
  person_name out;
  out.name = without_role(clean_text(raw, longest_name));
  if (is_placeholder(out.name)) return {};
  out.sort = clean_text(given_sort, longest_name);
  if (turn && is_turned(out.name)) {
    std::size_t comma = out.name.find(',');
    if (out.sort.empty()) out.sort = out.name;
    out.name = std::string(trim(std::string_view(out.name).substr(comma + 1))) + " " +
               std::string(trim(std::string_view(out.name).substr(0, comma)));
  }
  if (out.sort.empty()) out.sort = language == "hu" ? out.name : author_sort(out.name);
  return out;
}

std::vector<std::string> split_people(std::string_view s) {
  // calibre writes a literal & twice; it is hidden from the search and comes back afterwards.
  constexpr std::string_view hidden = "\x01";
  std::string text(s);
  for (std::size_t at = text.find("&&"); at != std::string::npos; at = text.find("&&", at)) text.replace(at, 2, hidden);
  auto shown = [&](std::string part) {
    for (std::size_t at = part.find(hidden); at != std::string::npos; at = part.find(hidden, at)) part.replace(at, 1, "&");
    return std::string(trim(part));
  };

  std::vector<std::string> parts;
  for (std::size_t from = 0;;) {
    std::size_t best = std::string::npos, length = 0;
    for (std::string_view mark : {" & ", ";", " and ", " with ", " und ", " et ", " y ", " e ", " i ", " и "}) {
      std::size_t at = text.find(mark, from);
      if (at < best) {
        best = at;
        length = mark.size();
      }
    }
    parts.push_back(shown(text.substr(from, best == std::string::npos ? best : best - from)));
    if (best == std::string::npos) break;
    from = best + length;
  }
  std::erase(parts, std::string());
  bool people =
      parts.size() > 1 && std::all_of(parts.begin(), parts.end(), [](const std::string& p) { return word_count(p) >= 2; });
  return people ? parts : std::vector<std::string>{shown(text)};
}

std::vector<std::string> split_people_at_commas(std::string_view s) {
  std::vector<std::string> parts = split(s, ',');
  if (parts.size() == 2 && word_count(parts[0]) == 1) return {std::string(trim(s))};
  std::vector<std::string> whole, out;
  for (std::string& p : parts) {
    if (p.empty()) continue;
    if (!whole.empty() && is_suffix(fold(p))) {
      whole.back() += ", " + p;
    } else {
      whole.push_back(std::move(p));
    }
  }
  for (const std::string& p : whole) {
    std::vector<std::string> people = split_people(p);
    out.insert(out.end(), people.begin(), people.end());
  }
  return out;
}

}  // namespace carrel::publication
