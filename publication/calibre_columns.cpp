#include "publication/calibre_columns.hpp"

#include <algorithm>
#include <array>

#include "publication/field_limits.hpp"
#include "publication/unicode.hpp"
#include "publication/xml.hpp"
#include "server/core/text.hpp"

namespace carrel::publication {
namespace {

constexpr std::size_t value_limit = 4000, name_limit = 300, longest_label = 33;  // the key of a fact has at most 40 letters
constexpr std::string_view fact_prefix = "column_";

constexpr std::array<std::pair<std::string_view, std::string_view>, 6> usual{{{"subtitle", "subtitle"},
                                                                              {"pages", "pages"},
                                                                              {"narrator", "narrators"},
                                                                              {"narrators", "narrators"},
                                                                              {"genre", "genres"},
                                                                              {"genres", "genres"}}};
constexpr std::array<std::string_view, 7> known_fields{"subtitle",  "pages",  "narrators", "translators",
                                                       "publisher", "genres", "tags"};

std::string field_of(std::string_view label, const column_mapping& also) {
  for (const auto& [name, field] : also) {
    if (name == label) return field;
  }
  for (const auto& [name, field] : usual) {
    if (name == label) return std::string(field);
  }
  return {};
}

bool add_pages(metadata& m, const std::string& text) {
  if (m.page_count > 0) return true;
  double pages = to_double(text).value_or(0);
  if (pages < 1 || pages > 100'000) return false;
  m.page_count = static_cast<int>(pages);
  m.page_count_source = "calibre";
  return true;
}

void add_people(metadata& m, const calibre_column& c, const char* role) {
  std::string language = m.languages.empty() ? std::string() : m.languages.front();
  for (const std::string& v : c.values) {
    for (const std::string& name : split_people(clean_text(v, value_limit))) {
      person_name p = calibre_person(name, "", language);
      person who{p.name, p.sort, role};
      bool known = std::find(m.contributors.begin(), m.contributors.end(), who) != m.contributors.end();
      if (!p.name.empty() && !known && m.contributors.size() < most_people) m.contributors.push_back(std::move(who));
    }
  }
}

void add_subjects(std::vector<std::string>& to, const calibre_column& c, std::string_view field, std::vector<warning>& warnings) {
  for (const std::string& v : c.values) {
    std::string text = clean_field(v, subject_limit, field, warnings), key = case_fold(text);
    bool known = std::any_of(to.begin(), to.end(), [&](const std::string& other) { return case_fold(other) == key; });
    if (!text.empty() && !known && to.size() < most_subjects) to.push_back(std::move(text));
  }
}

}  // namespace

bool is_column_field(std::string_view field) {
  return std::find(known_fields.begin(), known_fields.end(), field) != known_fields.end();
}

std::string column_text(const calibre_column& c) {
  std::string text;
  for (const std::string& v : c.values) {
    std::string one = clean_text(v, value_limit);
    if (!one.empty()) text += (text.empty() ? "" : ", ") + one;
    if (text.size() > value_limit) break;
  }
  return clean_text(text, value_limit);
}

bool take_column(metadata& m, const calibre_column& c, const column_mapping& also, std::vector<warning>& warnings) {
  std::string field = field_of(c.label, also), text = column_text(c);
  if (field == "pages") return add_pages(m, text);
  if (field == "subtitle") {
    if (m.subtitle.empty()) m.subtitle = clean_field(text, title_limit, "subtitle", warnings);
  } else if (field == "publisher") {
    if (m.publisher.empty()) m.publisher = clean_field(text, publisher_limit, "publisher", warnings);
  } else if (field == "narrators") {
    add_people(m, c, "nrt");
  } else if (field == "translators") {
    add_people(m, c, "trl");
  } else if (field == "genres") {
    add_subjects(m.genres, c, field, warnings);
  } else if (field == "tags") {
    add_subjects(m.subjects, c, field, warnings);
  } else {
    return false;
  }
  return true;
}

person_name calibre_person(std::string name, const std::string& sort, std::string_view language) {
  std::replace(name.begin(), name.end(), '|', ',');
  if (name.find(',') == std::string::npos) return clean_person(name, sort, std::string(language));
  person_name out{clean_text(name, name_limit), clean_text(sort, name_limit)};
  if (out.sort.empty()) out.sort = author_sort(out.name);
  return out;
}

std::string column_fact(std::string_view label) {
  bool plain = !label.empty() && label.size() <= longest_label && std::all_of(label.begin(), label.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
  });
  return plain ? std::string(fact_prefix) + std::string(label) : std::string();
}

std::string_view label_of_fact(std::string_view fact) {
  return fact.starts_with(fact_prefix) ? fact.substr(fact_prefix.size()) : std::string_view();
}

void map_column_facts(metadata& m, const column_mapping& also) {
  std::vector<warning> unheard;
  std::erase_if(m.facts, [&](const auto& fact) {
    std::string label(label_of_fact(fact.first));
    bool named = std::any_of(also.begin(), also.end(), [&](const auto& pair) { return pair.first == label; });
    return !label.empty() && named && take_column(m, {label, split(fact.second, ',')}, also, unheard);
  });
}

}  // namespace carrel::publication
