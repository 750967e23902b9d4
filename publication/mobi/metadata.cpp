#include "publication/mobi/metadata.hpp"

#include <algorithm>
#include <array>

#include "publication/identifiers.hpp"
#include "publication/mobi/documents.hpp"
#include "publication/mobi/tags.hpp"
#include "publication/people.hpp"
#include "publication/sanitise.hpp"
#include "publication/unicode.hpp"
#include "publication/unicode_tools.hpp"
#include "publication/xml.hpp"
#include "server/core/text.hpp"

namespace carrel::publication::mobi {
namespace {

constexpr std::size_t title_limit = 1000, publisher_limit = 300, subject_limit = 200, most_subjects = 500, most_people = 200;
constexpr std::size_t most_languages = 20, description_limit = 64 << 10, fact_limit = 4000;

bool writes_family_name_first(std::string_view language) {
  static constexpr std::array<std::string_view, 5> known{"hu", "ja", "ko", "vi", "zh"};
  return std::find(known.begin(), known.end(), language.substr(0, language.find('-'))) != known.end();
}

class reader {
 public:
  reader(const told& about, std::vector<warning>& warnings) : about_(about), warnings_(warnings) {}

  metadata read() {
    languages();
    title();
    people();
    out_.publisher = bounded(first(tag_publisher), publisher_limit, "publisher");
    description_of_book();
    subjects();
    published();
    identifiers();
    layout();
    facts();
    return std::move(out_);
  }

 private:
  std::string decoded(std::string_view bytes) {
    std::string text = readable(bytes, about_.is_latin);
    if (valid_utf8(text)) return text;
    warn(warnings_, "text_invalid_utf8");
    return replace_invalid_utf8(text);
  }
  std::string first(std::uint32_t kind) { return decoded(first_value(about_, kind)); }
  std::vector<std::string> all(std::uint32_t kind) {
    std::vector<std::string> found;
    for (const auto& [tag, bytes] : about_.values) {
      if (tag == kind) found.push_back(decoded(bytes));
    }
    return found;
  }

  std::string bounded(std::string_view raw, std::size_t limit, std::string_view field) {
    std::string full = clean_text(raw, std::string_view::npos);
    if (full.size() <= limit) return full;
    warn(warnings_, "metadata_truncated", field);
    return clean_text(raw, limit);
  }

  std::string language() const { return out_.languages.empty() ? std::string() : out_.languages.front(); }

  void languages() {
    for (const std::string& name : all(tag_language)) {
      std::string text = lower_ascii(clean_text(name, 100));
      std::optional<std::string> tag = language_tag(text);
      if (!tag && !text.empty() && text != "und" && text != "zxx" && text != "mul") {
        warn(warnings_, "metadata_invalid_value", "language");
      }
      bool known = tag && std::find(out_.languages.begin(), out_.languages.end(), *tag) != out_.languages.end();
      if (tag && !known && out_.languages.size() < most_languages) out_.languages.push_back(*tag);
    }
    if (!out_.languages.empty()) return;
    if (std::optional<std::string> tag = language_tag(about_.locale)) out_.languages.push_back(*tag);
  }

  void title() {
    out_.title = bounded(first(tag_title), title_limit, "title");
    if (out_.title.empty()) out_.title = bounded(decoded(about_.full_name), title_limit, "title");
    out_.title_sort = title_sort(out_.title, language());
  }

  void add_person(std::vector<person>& list, std::string_view name, const char* role, bool turn) {
    person_name p = clean_person(name, {}, language(), turn);
    if (p.name.empty()) return;
    if (list.size() >= most_people) return warn(warnings_, "metadata_truncated", "people");
    person found{p.name, p.sort, role};
    if (std::find(list.begin(), list.end(), found) == list.end()) list.push_back(std::move(found));
  }

  void people() {
    std::vector<std::string> names = all(tag_author);
    if (names.size() == 1) names = split_people(clean_text(names.front(), fact_limit));
    bool turned = !writes_family_name_first(language()) && std::all_of(names.begin(), names.end(), [](const std::string& n) {
      return std::count(n.begin(), n.end(), ',') == 1;
    });
    for (const std::string& name : names) add_person(out_.authors, name, "aut", turned);
    for (const std::string& name : all(tag_contributor)) {
      // The program that made the file: calibre, with its address.
      if (name.find("://") == std::string::npos) add_person(out_.contributors, name, "ctb", true);
    }
  }

  void description_of_book() {
    for (const std::string& text : all(tag_description)) {
      description d = sanitise(text, description_limit);
      if (d.text.empty()) continue;
      if (d.shortened) warn(warnings_, "metadata_truncated", "description");
      out_.description_html = std::move(d.html);
      out_.description_text = std::move(d.text);
      return;
    }
  }

  void add_subject(std::string subject) {
    std::string key = case_fold(subject);
    if (subject.empty() || std::find(subject_keys_.begin(), subject_keys_.end(), key) != subject_keys_.end()) return;
    if (out_.subjects.size() >= most_subjects) return warn(warnings_, "metadata_truncated", "subjects");
    subject_keys_.push_back(std::move(key));
    out_.subjects.push_back(std::move(subject));
  }

  void subjects() {
    if (about_.is_dictionary) add_subject("dictionary");
    for (const std::string& text : all(tag_subject)) {
      for (const std::string& part : split(text, ';')) add_subject(bounded(part, subject_limit, "subjects"));
    }
  }

  void published() {
    for (const std::string& text : all(tag_date)) {
      std::string cleaned = clean_text(text, 100);
      if (cleaned.empty() || cleaned.starts_with("0101-01-01")) continue;  // what calibre writes for none
      if (std::optional<std::string> found = date(cleaned)) {
        out_.published_on = *found;
        return;
      }
      warn(warnings_, "metadata_invalid_value", "date");
    }
  }

  void identifiers() {
    for (const std::string& text : all(tag_isbn)) {
      if (!add_identifier(out_.identifiers, text, "ISBN", {})) warn(warnings_, "metadata_invalid_value", "ISBN");
    }
    // calibre keeps its own number there, which is none of Amazon's and is dropped.
    for (std::uint32_t kind : {tag_asin, tag_other_asin}) {
      for (const std::string& text : all(kind)) add_identifier(out_.identifiers, text, "ASIN", {});
    }
    if (std::optional<isbn> print = parse_isbn(clean_text(first(tag_source), fact_limit))) {
      out_.identifiers.emplace_back("print_isbn", print->isbn_13);
    }
  }

  void layout() {
    auto word = [&](std::uint32_t kind) { return lower_ascii(trim(first_value(about_, kind))); };
    out_.fixed_layout = word(tag_fixed_layout) == "true";
    std::string progression = word(tag_page_progression);
    if (progression == "ltr") out_.reading = direction::ltr;
    if (progression == "rtl" || (progression != "ltr" && word(tag_writing_mode).ends_with("-rl"))) out_.reading = direction::rtl;
  }

  void facts() {
    for (auto [kind, key] : {std::pair{tag_rights, "rights"}, {tag_source, "source"}, {tag_type, "kindle_type"}}) {
      if (std::string text = clean_text(first(kind), fact_limit); !text.empty()) out_.facts.emplace_back(key, std::move(text));
    }
  }

  const told& about_;
  std::vector<warning>& warnings_;
  metadata out_;
  std::vector<std::string> subject_keys_;
};

}  // namespace

metadata metadata_of(const told& about, std::vector<warning>& warnings) { return reader(about, warnings).read(); }

}  // namespace carrel::publication::mobi
