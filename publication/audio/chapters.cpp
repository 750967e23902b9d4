#include "publication/audio/chapters.hpp"

#include <algorithm>
#include <map>

#include "publication/unicode.hpp"
#include "publication/xml.hpp"
#include "server/core/text.hpp"

namespace carrel::publication::audio {
namespace {

constexpr std::size_t longest_title = 500, longest_of_many = 150, many = 1000;
constexpr int deepest_markers = 16;

bool is_digit(char c) { return c >= '0' && c <= '9'; }

// The number of "chapter007" and "chapter007name"; `rest` is what follows its digits.
std::optional<std::int64_t> chapter_number(std::string_view name, std::string_view& rest) {
  constexpr std::string_view prefix = "chapter";
  if (!name.starts_with(prefix)) return std::nullopt;
  name.remove_prefix(prefix.size());
  auto end = std::find_if_not(name.begin(), name.end(), is_digit);
  auto digits = static_cast<std::size_t>(end - name.begin());
  if (digits == 0 || digits > 6) return std::nullopt;
  rest = name.substr(digits);
  return to_integer(name.substr(0, digits));
}

}  // namespace

std::optional<std::int64_t> clock_time(std::string_view text) {
  std::vector<std::string> parts = split(trim(text), ':');
  if (parts.size() > 3) return std::nullopt;
  std::string last = parts.back(), fraction;
  if (std::size_t point = last.find_first_of(".,"); point != std::string::npos) {
    fraction = last.substr(point + 1);
    last.resize(point);
  }
  parts.back() = last;
  fraction.resize(3, '0');
  parts.push_back(fraction);
  std::int64_t milliseconds = 0;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    bool number = !parts[i].empty() && parts[i].size() <= 6 && std::all_of(parts[i].begin(), parts[i].end(), is_digit);
    if (!number) return std::nullopt;
    milliseconds = milliseconds * (i + 1 == parts.size() ? 1000 : 60) + to_integer(parts[i]).value_or(0);
  }
  return milliseconds;
}

std::vector<chapter> vorbis_chapters(const tags& in) {
  struct found {
    std::optional<std::int64_t> start;
    std::string title;
  };
  std::map<std::int64_t, found> all;
  for (const auto& [name, values] : in.values()) {
    std::string_view rest;
    std::optional<std::int64_t> number = chapter_number(name, rest);
    if (!number) continue;
    if (rest.empty()) all[*number].start = clock_time(values.front());
    if (rest == "name") all[*number].title = values.front();
  }
  std::vector<chapter> out;
  for (auto& [number, c] : all) {
    if (c.start) out.push_back({std::move(c.title), *c.start, 0});
  }
  return out;
}

std::vector<chapter> marked_chapters(const tags& in, std::vector<warning>& warnings) {
  std::vector<chapter> out;
  for (const std::string& text : in.all("txxx:overdrive mediamarkers")) {
    result<xml_tree, refusal> tree = parse_package_xml(text, deepest_markers, warnings);
    if (!tree) {
      warn(warnings, "metadata_invalid_value", "chapters");
      continue;
    }
    for (pugi::xml_node n : (*tree)->document_element().children()) {
      if (!equal_ascii_case(local_name(n), "Marker")) continue;
      std::optional<std::int64_t> start = clock_time(text_of(child(n, "Time"), 100));
      if (start) out.push_back({text_of(child(n, "Name"), 2000), *start, 0});
    }
  }
  return out;
}

std::vector<chapter> in_order(std::vector<chapter> all, std::int64_t duration, std::vector<warning>& warnings) {
  std::erase_if(all, [&](const chapter& c) { return c.start < 0 || c.start >= duration; });
  std::stable_sort(all.begin(), all.end(), [](const chapter& a, const chapter& b) { return a.start < b.start; });
  for (std::size_t i = 0; i < all.size(); ++i) all[i].end = i + 1 < all.size() ? all[i + 1].start : duration;
  std::erase_if(all, [](const chapter& c) { return c.end == c.start; });
  if (all.size() > most_chapters) {
    all.resize(most_chapters);
    all.back().end = duration;
    warn(warnings, "metadata_truncated", "chapters");
  }
  // All of them together have to fit into what an isolated process may answer.
  std::size_t longest = all.size() > many ? longest_of_many : longest_title;
  for (chapter& c : all) {
    if (!valid_utf8(c.title)) warn(warnings, "text_invalid_utf8", "chapters");
    c.title = clean_text(c.title, longest);
  }
  return all;
}

}  // namespace carrel::publication::audio
