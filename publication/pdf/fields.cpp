#include "publication/pdf/fields.hpp"

#include <algorithm>
#include <array>

#include "publication/identifiers.hpp"
#include "publication/opf.hpp"
#include "publication/people.hpp"
#include "publication/sanitise.hpp"
#include "publication/unicode.hpp"
#include "publication/unicode_tools.hpp"
#include "publication/xml.hpp"
#include "server/core/text.hpp"

namespace carrel::publication::pdf {
namespace {

constexpr std::size_t title_limit = 1000, series_limit = 500, publisher_limit = 300, subject_limit = 200, most_subjects = 500;
constexpr std::size_t most_people = 200, most_languages = 20, most_identifiers = 50;

bool is_hex(char c) { return hex_value(c) >= 0 || c == '-'; }
bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_letter(char c) { return c >= 'a' && c <= 'z'; }

// "scan", "scan0007", "scanned document": what scanners write, and not "scandinavia".
bool is_scan(std::string_view lower) {
  if (!lower.starts_with("scan")) return false;
  lower.remove_prefix(4);
  for (std::string_view ending : {"ned", "ner", "s"}) {
    if (!lower.starts_with(ending)) continue;
    lower.remove_prefix(ending.size());
    break;
  }
  return lower.empty() || !is_letter(lower.front());
}

}  // namespace

bool is_junk_title(std::string_view title, std::string_view producer) {
  static constexpr std::array<std::string_view, 6> whole{"untitled", "title", "document1", "slide 1", "powerpoint presentation",
                                                         "print"};
  static constexpr std::array<std::string_view, 8> endings{".doc", ".docx", ".indd", ".qxd", ".pdf", ".tex", ".dvi", ".rtf"};
  std::string lower = lower_ascii(trim(title));
  if (count_code_points(lower) < 2 || equal_ascii_case(lower, trim(producer))) return true;
  if (std::find(whole.begin(), whole.end(), lower) != whole.end()) return true;
  if (lower.starts_with("microsoft word - ") || is_scan(lower)) return true;
  if (std::any_of(endings.begin(), endings.end(), [&](std::string_view e) { return lower.ends_with(e); })) return true;
  // A number or a checksum; "facade" is a word.
  return std::all_of(lower.begin(), lower.end(), is_hex) && std::any_of(lower.begin(), lower.end(), is_digit);
}

bool is_junk_author(std::string_view name) {
  static constexpr std::array<std::string_view, 8> junk{"user",   "admin", "administrator", "owner", "unknown",
                                                        "author", "pc",    "windows user"};
  return std::find(junk.begin(), junk.end(), lower_ascii(trim(name))) != junk.end();
}

std::vector<std::string> keywords(std::string_view text) {
  std::string one(text);
  std::replace(one.begin(), one.end(), ';', ',');
  return split(one, ',');
}

std::string fields::bounded(std::string_view raw, std::size_t most, std::string_view field) {
  std::string full = clean_text(raw, std::string_view::npos);
  if (full.size() <= most) return full;
  warn(warnings_, "metadata_truncated", field);
  full.resize(cut_at_grapheme(full, most).size());
  return full;
}

void fields::title(std::string_view raw) {
  if (!about_.title.empty() || is_junk_title(clean_text(raw, title_limit), producer_)) return;
  about_.title = bounded(raw, title_limit, "title");
}

void fields::authors(const std::vector<std::string>& all) {
  if (!about_.authors.empty()) return;
  std::string language = about_.languages.empty() ? std::string() : about_.languages.front();
  for (const std::string& raw : all) {
    for (const std::string& name : split_people(clean_text(raw, 4000))) {
      person_name p = clean_person(name, "", language);
      if (p.name.empty() || is_junk_author(p.name)) continue;
      if (about_.authors.size() >= most_people) return warn(warnings_, "metadata_truncated", "authors");
      person who{p.name, p.sort};
      if (std::find(about_.authors.begin(), about_.authors.end(), who) == about_.authors.end()) about_.authors.push_back(who);
    }
  }
}

void fields::description(std::string_view raw) {
  if (!about_.description_html.empty()) return;
  publication::description d = sanitise(raw);
  if (d.text.empty()) return;
  if (d.shortened) warn(warnings_, "metadata_truncated", "description");
  about_.description_html = std::move(d.html);
  about_.description_text = std::move(d.text);
}

void fields::subjects(const std::vector<std::string>& all) {
  if (!about_.subjects.empty()) return;
  std::vector<std::string> seen;
  for (const std::string& raw : all) {
    std::string subject = bounded(raw, subject_limit, "subjects"), key = case_fold(subject);
    if (subject.empty() || std::find(seen.begin(), seen.end(), key) != seen.end()) continue;
    if (seen.size() >= most_subjects) return warn(warnings_, "metadata_truncated", "subjects");
    seen.push_back(std::move(key));
    about_.subjects.push_back(std::move(subject));
  }
}

void fields::publisher(std::string_view raw) {
  if (about_.publisher.empty()) about_.publisher = bounded(raw, publisher_limit, "publisher");
}

void fields::languages(const std::vector<std::string>& all) {
  if (!about_.languages.empty()) return;
  for (const std::string& raw : all) {
    std::string text = lower_ascii(clean_text(raw, 100));
    if (text.empty() || text == "und" || text == "zxx" || text == "mul" || text == "x-unknown") continue;
    std::optional<std::string> tag = language_tag(text);
    if (!tag) {
      warn(warnings_, "metadata_invalid_value", "language");
    } else if (std::find(about_.languages.begin(), about_.languages.end(), *tag) == about_.languages.end()) {
      about_.languages.push_back(*tag);
    }
    if (about_.languages.size() >= most_languages) return;
  }
}

void fields::published_on(const std::vector<std::string>& all) {
  for (const std::string& raw : all) {
    if (!about_.published_on.empty()) return;
    std::string text = clean_text(raw, 100);
    if (text.empty() || text.starts_with("0101-01-01")) continue;  // calibre's "undefined"
    if (std::optional<std::string> found = date(text))
      about_.published_on = *found;
    else
      warn(warnings_, "metadata_invalid_value", "date");
  }
}

void fields::identifier(std::string_view value, std::string_view scheme) {
  if (about_.identifiers.size() >= most_identifiers) return;
  if (!add_identifier(about_.identifiers, value, scheme, "")) warn(warnings_, "metadata_invalid_value", "ISBN");
}

void fields::series(std::string_view name, std::string_view index) {
  if (!about_.series.empty()) return;
  about_.series = bounded(name, series_limit, "series");
  if (about_.series.empty()) return;
  about_.series_index_text = clean_text(index, 40);
  about_.series_index = series_number(about_.series_index_text);
  if (!about_.series_index && !about_.series_index_text.empty()) warn(warnings_, "metadata_invalid_value", "series index");
}

void fields::rating(std::string_view raw) {
  std::optional<double> r = to_double(trim(raw));
  if (!about_.rating && r && *r >= 0 && *r <= 10) about_.rating = *r / 2;
}

}  // namespace carrel::publication::pdf
