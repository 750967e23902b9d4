#include "publication/plain_text/header.hpp"

#include <algorithm>
#include <array>

#include "publication/field_limits.hpp"
#include "publication/people.hpp"
#include "publication/unicode.hpp"
#include "publication/xml.hpp"
#include "server/core/text.hpp"

namespace carrel::publication::plain_text {
namespace {

constexpr int header_lines = 200, lines_before_start = 1000;  // older files have their licence in between
constexpr std::size_t longest_line = 4000, longest_value = 8000;

enum class field { none, title, author, language, released };

struct line_of_field {
  field what = field::none;
  std::string value;
};

std::string_view take_line(std::string_view& rest) {
  std::size_t end = std::min(rest.find_first_of("\r\n"), rest.size());
  std::string_view line = rest.substr(0, end);
  std::size_t marks = rest.substr(end).starts_with("\r\n") ? 2 : 1;
  rest.remove_prefix(std::min(end + marks, rest.size()));
  return line.substr(0, longest_line);
}

bool is_start(std::string_view line) {
  line = trim(line);
  return line.starts_with("*** START OF") || line.starts_with("***START OF");
}

line_of_field read_line(std::string_view line) {
  static constexpr std::array<std::pair<std::string_view, field>, 4> names{
      {{"Title:", field::title}, {"Author:", field::author}, {"Language:", field::language}, {"Release Date:", field::released}}};
  for (const auto& [name, what] : names) {
    if (line.size() >= name.size() && equal_ascii_case(line.substr(0, name.size()), name))
      return {what, std::string(trim(line.substr(name.size())))};
  }
  return {};
}

// Of the fields in front of the start; nothing when there is no start. A line that begins with a blank goes on with the field
// above it.
std::optional<std::vector<line_of_field>> fields_of(std::string_view rest) {
  std::vector<line_of_field> out;
  bool goes_on = false;
  for (int n = 0; n < lines_before_start && !rest.empty(); ++n) {
    std::string_view line = take_line(rest);
    if (is_start(line)) return out;
    if (n >= header_lines) continue;
    bool indented = line.starts_with(' ') || line.starts_with('\t');
    if (goes_on && indented && !trim(line).empty() && out.back().value.size() < longest_value) {
      out.back().value += " " + std::string(trim(line));
      continue;
    }
    line_of_field found = read_line(line);
    goes_on = found.what != field::none;
    if (goes_on) out.push_back(std::move(found));
  }
  return std::nullopt;
}

void add_authors(metadata& about, const std::string& value) {
  for (const std::string& name : split_people(value)) {
    person_name found = clean_person(name, "", about.languages.empty() ? "" : about.languages.front());
    person p{found.name, found.sort, "aut"};
    bool known = std::find(about.authors.begin(), about.authors.end(), p) != about.authors.end();
    if (!p.name.empty() && !known && about.authors.size() < most_people) about.authors.push_back(std::move(p));
  }
}

void add_languages(metadata& about, const std::string& value, std::vector<warning>& warnings) {
  for (const std::string& name : split(value, ',')) {
    std::optional<std::string> tag = language_tag(name);
    if (!tag && !name.empty()) warn(warnings, "metadata_invalid_value", "language");
    if (tag && std::find(about.languages.begin(), about.languages.end(), *tag) == about.languages.end())
      about.languages.push_back(*tag);
  }
}

}  // namespace

std::optional<metadata> read_header(std::string_view text, std::vector<warning>& warnings) {
  std::optional<std::vector<line_of_field>> fields = fields_of(text);
  if (!fields) return std::nullopt;
  metadata about;
  // Names are sorted and titles have articles by the language, wherever it stands.
  for (const line_of_field& f : *fields) {
    if (f.what == field::language) add_languages(about, clean_text(f.value, 1000), warnings);
  }
  for (const line_of_field& f : *fields) {
    std::string value = clean_text(f.value, longest_value);
    if (f.what == field::title && about.title.empty()) about.title = clean_field(value, title_limit, "title", warnings);
    if (f.what == field::author) add_authors(about, value);
    if (f.what != field::released || value.empty() || !about.published_on.empty()) continue;
    // "June 27, 2008 [eBook #11]"
    if (std::optional<std::string> found = date(trim(value.substr(0, value.find('['))))) {
      about.published_on = *found;
    } else {
      warn(warnings, "metadata_invalid_value", "date");
    }
  }
  about.title_sort = title_sort(about.title, about.languages.empty() ? "" : about.languages.front());
  return about;
}

}  // namespace carrel::publication::plain_text
