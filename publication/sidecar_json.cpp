#include <algorithm>
#include <string>

#include "publication/field_limits.hpp"
#include "publication/identifiers.hpp"
#include "publication/people.hpp"
#include "publication/sanitise.hpp"
#include "publication/sidecar.hpp"
#include "publication/unicode.hpp"
#include "publication/xml.hpp"
#include "server/core/json.hpp"
#include "server/core/text.hpp"

namespace carrel::publication {
namespace {

constexpr std::size_t name_limit = 300, index_limit = 100, most_chapters = 5000;
constexpr double longest_seconds = 1'000'000;

std::string text_in(const json::object& o, std::string_view name, std::size_t most) {
  const json::value* v = o.find(name);
  if (v == nullptr) return {};
  if (v->as_text()) return clean_text(*v->as_text(), most);
  return v->as_number() ? clean_text(v->as_number()->text, most) : std::string();
}

const json::array& list_in(const json::object& o, std::string_view name) {
  static const json::array none;
  const json::value* v = o.find(name);
  return v != nullptr && v->as_array() != nullptr ? *v->as_array() : none;
}

class reader {
 public:
  explicit reader(const json::object& whole) : whole_(whole), in_(inner(whole)) {}

  told read() {
    if (std::optional<std::string> tag = language_tag(text_in(in_, "language", 100))) about_.languages.push_back(*tag);
    about_.title = field("title", title_limit);
    about_.subtitle = field("subtitle", title_limit);
    about_.title_sort = title_sort(about_.title, first_language());
    about_.authors = people("authors", "aut");
    about_.contributors = people("narrators", "nrt");
    series();
    about_.genres = names("genres", subject_limit, most_subjects);
    about_.subjects = names("tags", subject_limit, most_subjects);
    about_.publisher = field("publisher", publisher_limit);
    for (const char* key : {"publishedDate", "publishedYear"}) {
      if (about_.published_on.empty()) about_.published_on = date(text_in(in_, key, 100)).value_or("");
    }
    describe();
    for (const char* key : {"isbn", "asin"}) {
      std::string text = text_in(in_, key, name_limit);
      if (!text.empty() && !add_identifier(about_.identifiers, text, key, "")) warn(out_.warnings, "metadata_invalid_value", key);
    }
    for (const char* key : {"abridged", "explicit"}) {
      if (bool yes = false; in_.take(key, yes)) about_.facts.emplace_back(key, yes ? "true" : "false");
    }
    chapters(whole_);
    if (about_.chapters.empty()) chapters(in_);
    return std::move(out_);
  }

 private:
  // An older form has its fields one level deeper.
  static const json::object& inner(const json::object& whole) {
    const json::value* nested = whole.find("metadata");
    return nested != nullptr && nested->as_object() ? *nested->as_object() : whole;
  }

  std::string first_language() const { return about_.languages.empty() ? "" : about_.languages.front(); }

  std::string field(std::string_view name, std::size_t most) {
    return clean_field(text_in(in_, name, 8 * most), most, name, out_.warnings);
  }

  // Strings, or objects with a name.
  std::vector<std::string> names(std::string_view key, std::size_t most, std::size_t count) {
    std::vector<std::string> out;
    for (const json::value& item : list_in(in_, key)) {
      std::string text = item.as_text()     ? clean_text(*item.as_text(), most)
                         : item.as_object() ? text_in(*item.as_object(), "name", most)
                                            : "";
      if (text.empty() || std::find(out.begin(), out.end(), text) != out.end()) continue;
      if (out.size() == count) {
        warn(out_.warnings, "metadata_truncated", key);
        return out;
      }
      out.push_back(std::move(text));
    }
    return out;
  }

  std::vector<person> people(std::string_view key, const char* role) {
    std::vector<person> out;
    for (const std::string& given : names(key, name_limit, most_people)) {
      person_name p = clean_person(given, "", first_language());
      if (!p.name.empty()) out.push_back({p.name, p.sort, role});
    }
    return out;
  }

  // "Name #1.5", or {"name": "Name", "sequence": "1.5"}; the first of several.
  void series() {
    const json::array& all = list_in(in_, "series");
    if (all.empty()) return;
    if (const json::object* named = all.front().as_object()) {
      about_.series = text_in(*named, "name", series_limit);
      about_.series_index_text = text_in(*named, "sequence", index_limit);
    } else if (all.front().as_text()) {
      std::string whole = clean_text(*all.front().as_text(), series_limit + index_limit);
      std::size_t mark = whole.rfind(" #");
      bool numbered = mark != std::string::npos && mark + 2 < whole.size() && whole.size() - mark - 2 <= index_limit &&
                      whole.find(' ', mark + 1) == std::string::npos;
      about_.series = clean_text(numbered ? whole.substr(0, mark) : whole, series_limit);
      if (numbered) about_.series_index_text = whole.substr(mark + 2);
    }
    about_.series_index = series_number(about_.series_index_text);
  }

  void describe() {
    const json::value* given = in_.find("description");
    if (given == nullptr || given->as_text() == nullptr) return;
    description d = sanitise(*given->as_text(), description_limit);
    if (d.shortened) warn(out_.warnings, "metadata_truncated", "description");
    about_.description_html = std::move(d.html);
    about_.description_text = std::move(d.text);
  }

  static std::optional<std::int64_t> milliseconds(const json::object& o, std::string_view name) {
    const json::value* v = o.find(name);
    std::optional<double> seconds = v != nullptr && v->as_number() ? to_double(v->as_number()->text) : std::nullopt;
    if (!seconds || !(*seconds >= 0) || *seconds > longest_seconds) return std::nullopt;
    return static_cast<std::int64_t>(*seconds * 1000 + 0.5);
  }

  void chapters(const json::object& from) {
    for (const json::value& item : list_in(from, "chapters")) {
      if (item.as_object() == nullptr || about_.chapters.size() == most_chapters) continue;
      const json::object& o = *item.as_object();
      std::optional<std::int64_t> start = milliseconds(o, "start"), end = milliseconds(o, "end");
      if (start && end && *end > *start) about_.chapters.push_back({text_in(o, "title", longest_toc_label), *start, *end});
    }
    std::stable_sort(about_.chapters.begin(), about_.chapters.end(),
                     [](const chapter& a, const chapter& b) { return a.start < b.start; });
  }

  const json::object &whole_, &in_;
  told out_;
  metadata& about_ = out_.about;
};

}  // namespace

result<told, refusal> read_metadata_json(std::string_view bytes) {
  if (bytes.size() > longest_json) return refusal{"xml_too_large", "metadata.json"};
  if (bytes.starts_with("\xef\xbb\xbf")) bytes.remove_prefix(3);
  result<json::object> parsed = json::read_object(bytes);
  if (!parsed) return refusal{"unsupported_type", "metadata.json is no JSON object"};
  return reader(*parsed).read();
}

}  // namespace carrel::publication
