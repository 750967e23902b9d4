#include "publication/fiction_book/description.hpp"

#include <algorithm>

#include "publication/fiction_book/tree.hpp"
#include "publication/field_limits.hpp"
#include "publication/identifiers.hpp"
#include "publication/people.hpp"
#include "publication/sanitise.hpp"
#include "publication/unicode.hpp"
#include "publication/xml.hpp"
#include "server/core/text.hpp"

namespace carrel::publication::fiction_book {
namespace {

constexpr std::size_t longest_name = 300, longest_list = 2000;

std::string cleaned(const pugi::xml_node& n, std::size_t limit) { return clean_text(text_of(n), limit); }

// Of nested sequences the outermost is the series.
pugi::xml_node named_sequence(const pugi::xml_node& info) {
  for (pugi::xml_node at = info.first_child(); at; at = next_node(at, info)) {
    if (is_element(at, "sequence") && !clean_text(attribute(at, "name"), series_limit).empty()) return at;
  }
  return {};
}

class reader {
 public:
  reader(const pugi::xml_node& root, std::vector<warning>& warnings)
      : description_(child(root, "description")),
        title_(child(description_, "title-info")),
        published_(child(description_, "publish-info")),
        warnings_(warnings) {}

  metadata read() {
    languages();
    about_.title = clean_field(text_of(child(title_, "book-title")), title_limit, "title", warnings_);
    about_.title_sort = title_sort(about_.title, first_language());
    about_.authors = people("author", "aut");
    about_.contributors = people("translator", "trl");
    series();
    genres();
    dates();
    about_.publisher = clean_field(text_of(child(published_, "publisher")), publisher_limit, "publisher", warnings_);
    isbns();
    add_identifier(about_.identifiers, text_of(child(child(description_, "document-info"), "id")), "fb2", "");
    annotation();
    return std::move(about_);
  }

 private:
  std::string first_language() const { return about_.languages.empty() ? std::string() : about_.languages.front(); }

  std::string language(const char* element) {
    std::string text = cleaned(child(title_, element), 100);
    std::optional<std::string> tag = language_tag(text);
    std::string lower = lower_ascii(text);
    bool said = !text.empty() && lower != "und" && lower != "zxx" && lower != "mul";
    if (!tag && said) warn(warnings_, "metadata_invalid_value", "language");
    return tag.value_or("");
  }

  void languages() {
    if (std::string tag = language("lang"); !tag.empty()) about_.languages.push_back(std::move(tag));
    if (std::string tag = language("src-lang"); !tag.empty()) about_.facts.emplace_back("src_lang", std::move(tag));
  }

  person_name name_of(const pugi::xml_node& n) const {
    std::string last = cleaned(child(n, "last-name"), longest_name), given;
    for (const char* part : {"first-name", "middle-name"}) {
      std::string name = cleaned(child(n, part), longest_name);
      given += (given.empty() || name.empty() ? "" : " ") + name;
    }
    if (given.empty() && last.empty()) return clean_person(text_of(child(n, "nickname")), "", first_language());
    // One name alone is sorted as it is written, however many words it has.
    if (given.empty() || last.empty()) return clean_person(given + last, given + last, first_language());
    return clean_person(given + " " + last, last + ", " + given, first_language());
  }

  std::vector<person> people(const char* element, const char* role) {
    std::vector<person> out;
    for (pugi::xml_node n : title_.children()) {
      if (!is_element(n, element)) continue;
      if (out.size() >= most_people) {
        warn(warnings_, "metadata_truncated", element);
        break;
      }
      person_name found = name_of(n);
      person p{found.name, found.sort, role};
      if (!p.name.empty() && std::find(out.begin(), out.end(), p) == out.end()) out.push_back(std::move(p));
    }
    return out;
  }

  void series() {
    pugi::xml_node sequence = named_sequence(title_);
    if (!sequence) sequence = named_sequence(published_);
    about_.series = clean_field(attribute(sequence, "name"), series_limit, "series", warnings_);
    about_.series_index_text = clean_text(attribute(sequence, "number"), 40);
    if (about_.series_index_text.empty()) return;
    about_.series_index = series_number(about_.series_index_text);
    if (!about_.series_index) warn(warnings_, "metadata_invalid_value", "series index");
  }

  void genres() {
    for (pugi::xml_node n : title_.children()) {
      if (!is_element(n, "genre")) continue;
      std::string code = clean_field(text_of(n), subject_limit, "subjects", warnings_);
      std::string_view name = genre_name(code);
      std::vector<std::string>& list = name.empty() ? about_.subjects : about_.genres;
      if (!name.empty()) code = name;
      if (code.empty() || std::find(list.begin(), list.end(), code) != list.end()) continue;
      if (list.size() >= most_subjects) return warn(warnings_, "metadata_truncated", "subjects");
      list.push_back(std::move(code));
    }
  }

  void dates() {
    pugi::xml_node written = child(title_, "date");
    bool said = false;
    for (const std::string& raw : {text_of(child(published_, "year")), attribute(written, "value"), text_of(written)}) {
      std::string text = clean_text(raw, 100);
      // The year 101 is calibre's "undefined".
      if (text.empty() || text == "101" || text.starts_with("0101")) continue;
      said = true;
      if (std::optional<std::string> found = date(text)) {
        about_.published_on = *found;
        return;
      }
    }
    if (said) warn(warnings_, "metadata_invalid_value", "date");
  }

  // The first of a list that is one; some divide it by blanks, which may also stand inside of an ISBN.
  bool add_isbn(std::string text) {
    for (char& c : text) {
      if (c == ';' || c == '/' || c == '|') c = ',';
    }
    for (char separator : {',', ' '}) {
      for (const std::string& part : split(text, separator)) {
        if (!part.empty() && add_identifier(about_.identifiers, part, "isbn", "")) return true;
      }
    }
    return false;
  }

  void isbns() {
    bool said = false, found = false;
    for (pugi::xml_node n : published_.children()) {
      if (found || !is_element(n, "isbn")) continue;
      std::string text = cleaned(n, longest_list);
      said = said || !text.empty();
      found = add_isbn(std::move(text));
    }
    if (said && !found) warn(warnings_, "metadata_invalid_value", "ISBN");
  }

  void annotation() {
    description d = sanitise(annotation_html(child(title_, "annotation")), description_limit);
    if (d.shortened) warn(warnings_, "metadata_truncated", "description");
    if (d.text.empty()) return;
    about_.description_html = std::move(d.html);
    about_.description_text = std::move(d.text);
  }

  pugi::xml_node description_, title_, published_;
  std::vector<warning>& warnings_;
  metadata about_;
};

}  // namespace

metadata describe(const pugi::xml_node& root, std::vector<warning>& warnings) { return reader(root, warnings).read(); }

}  // namespace carrel::publication::fiction_book
