#include "publication/opf.hpp"

#include <algorithm>
#include <array>
#include <map>

#include "publication/calibre_columns.hpp"
#include "publication/field_limits.hpp"
#include "publication/identifiers.hpp"
#include "publication/people.hpp"
#include "publication/sanitise.hpp"
#include "publication/unicode.hpp"
#include "publication/unicode_tools.hpp"
#include "publication/xml.hpp"
#include "server/core/json.hpp"
#include "server/core/text.hpp"

namespace carrel::publication {
namespace {

constexpr std::size_t fact_limit = 2000, most_columns = 100, most_others = 20;

struct refinement {
  std::string property, scheme, text;
};

std::string after_colon(std::string_view s) {
  s = trim(s);
  std::size_t colon = s.find(':');
  return std::string(colon == std::string_view::npos ? s : s.substr(colon + 1));
}

bool is_subject_code(std::string_view s) {
  auto digit = [](char c) { return c >= '0' && c <= '9'; };
  auto upper = [](char c) { return c >= 'A' && c <= 'Z'; };
  if (s.size() == 9 && std::all_of(s.begin(), s.begin() + 3, upper) && std::all_of(s.begin() + 3, s.end(), digit)) return true;
  return !s.empty() && std::all_of(s.begin(), s.end(), [&](char c) { return digit(c) || c == '.'; });
}

std::size_t count_words(const std::string& s) {
  std::vector<std::string> parts = split(s, ' ');
  return static_cast<std::size_t>(std::count_if(parts.begin(), parts.end(), [](const std::string& w) { return !w.empty(); }));
}

std::string role_code(std::string_view text) {
  static constexpr std::array<std::pair<std::string_view, std::string_view>, 12> known{{{"author", "aut"},
                                                                                        {"translator", "trl"},
                                                                                        {"illustrator", "ill"},
                                                                                        {"art", "ill"},
                                                                                        {"artist", "ill"},
                                                                                        {"editor", "edt"},
                                                                                        {"narrator", "nrt"},
                                                                                        {"bjd", "cov"},
                                                                                        {"contributor", "ctb"},
                                                                                        {"introduction", "aui"},
                                                                                        {"cover artist", "cov"},
                                                                                        {"creator", "aut"}}};
  std::string role = lower_ascii(trim(text));
  for (const auto& [name, code] : known) {
    if (role == name) return std::string(code);
  }
  bool plain = role.size() == 3 && std::all_of(role.begin(), role.end(), [](char c) { return c >= 'a' && c <= 'z'; });
  return plain ? role : std::string();
}

class reader {
 public:
  reader(const pugi::xml_node& package, std::vector<warning>& warnings) : package_(package), warnings_(warnings) { collect(); }

  metadata read() {
    about_.epub_version = clean_text(attribute(package_, "version"), 20);
    titles();
    languages();
    people();
    series();
    subjects();
    dates();
    identifiers();
    about_.publisher = first_text("publisher", publisher_limit);
    read_description();
    custom_columns();
    rights_and_source();
    layout_and_rating();
    about_.title_sort = sort_title_.empty() ? title_sort(about_.title, first_language()) : sort_title_;
    return std::move(about_);
  }

 private:
  void collect() {
    pugi::xml_node metadata_node = child(package_, "metadata");
    if (!metadata_node) metadata_node = first_descendant(package_, "metadata");
    collect_from(metadata_node);
    for (const char* old : {"dc-metadata", "x-metadata"}) collect_from(child(metadata_node, old));
  }

  void collect_from(const pugi::xml_node& node) {
    for (pugi::xml_node n : node.children()) {
      if (n.type() != pugi::node_element) continue;
      std::string name = lower_ascii(local_name(n));
      if (name != "meta") {
        if (is_dublin_core(n)) elements_[name].push_back(n);
        continue;
      }
      std::string refines(trim(attribute(n, "refines")));
      if (refines.starts_with('#')) refines.erase(0, 1);
      if (!refines.empty()) {
        refinements_[refines].push_back(
            {after_colon(attribute(n, "property")), std::string(trim(attribute(n, "scheme"))), text_of(n)});
      } else {
        metas_.push_back(n);
      }
    }
  }

  std::string bounded(std::string_view raw, std::size_t limit, std::string_view field) {
    return clean_field(raw, limit, field, warnings_);
  }

  const std::vector<pugi::xml_node>& all(const std::string& name) const {
    static const std::vector<pugi::xml_node> none;
    auto found = elements_.find(name);
    return found == elements_.end() ? none : found->second;
  }

  std::string first_text(const std::string& name, std::size_t limit) {
    for (const pugi::xml_node& n : all(name)) {
      if (std::string text = bounded(text_of(n), limit, name); !text.empty()) return text;
    }
    return {};
  }

  const refinement* refined(const pugi::xml_node& n, std::string_view property) const {
    return refined(attribute(n, "id"), property);
  }
  const refinement* refined(const std::string& id, std::string_view property) const {
    auto found = refinements_.find(id);
    if (id.empty() || found == refinements_.end()) return nullptr;
    for (const refinement& r : found->second) {
      if (r.property == property) return &r;
    }
    return nullptr;
  }

  // meta[name=...]/@content of EPUB 2, and what calibre writes.
  std::string named(std::string_view name) const {
    for (const pugi::xml_node& n : metas_) {
      if (equal_ascii_case(attribute(n, "name"), name)) return attribute(n, "content");
    }
    return {};
  }
  std::string property(std::string_view name) const {
    for (const pugi::xml_node& n : metas_) {
      if (trim(attribute(n, "property")) == name) return text_of(n);
    }
    return {};
  }

  std::string first_language() const { return about_.languages.empty() ? std::string() : about_.languages.front(); }

  void titles() {
    pugi::xml_node chosen;
    for (const pugi::xml_node& n : all("title")) {
      const refinement* type = refined(n, "title-type");
      std::string kind = type == nullptr ? std::string() : lower_ascii(trim(type->text));
      bool blank = clean_text(text_of(n), 100).empty();
      if (!blank && kind == "main" && !main_found_) {
        chosen = n;
        main_found_ = true;
      } else if (!blank && !chosen) {
        chosen = n;
      }
      if (kind.find("subtitle") != std::string::npos && about_.subtitle.empty())
        about_.subtitle = bounded(text_of(n), title_limit, "subtitle");
    }
    if (!chosen) return;
    about_.title = bounded(text_of(chosen), title_limit, "title");
    if (const refinement* sort = refined(chosen, "file-as")) sort_title_ = clean_text(sort->text, title_limit);
    if (sort_title_.empty()) sort_title_ = clean_text(attribute(chosen, "file-as"), title_limit);
    if (sort_title_.empty()) sort_title_ = clean_text(named("calibre:title_sort"), title_limit);
  }

  void languages() {
    for (const pugi::xml_node& n : all("language")) {
      std::string text = clean_text(text_of(n), 100);
      std::optional<std::string> tag = language_tag(text);
      if (!tag) {
        std::string lower = lower_ascii(text);
        if (!text.empty() && lower != "und" && lower != "zxx" && lower != "mul")
          warn(warnings_, "metadata_invalid_value", "language");
        continue;
      }
      if (std::find(about_.languages.begin(), about_.languages.end(), *tag) == about_.languages.end())
        about_.languages.push_back(*tag);
      if (about_.languages.size() >= 20) return;
    }
  }

  struct named_person {
    person who;
    bool role_given = false;
    int order = 0;
  };

  std::string role_of(const pugi::xml_node& n) const {
    std::string first;
    if (auto found = refinements_.find(attribute(n, "id")); found != refinements_.end() && !attribute(n, "id").empty()) {
      for (const refinement& r : found->second) {
        std::string code = r.property == "role" ? role_code(r.text) : std::string();
        if (code == "aut") return code;
        if (first.empty()) first = code;
      }
    }
    return first.empty() ? role_code(attribute(n, "role")) : first;
  }

  std::vector<named_person> read_people(const std::string& element) {
    std::vector<named_person> out;
    const std::vector<pugi::xml_node>& nodes = all(element);
    for (const pugi::xml_node& n : nodes) {
      if (out.size() >= most_people) {
        warn(warnings_, "metadata_truncated", element);
        break;
      }
      std::string text = text_of(n), sort;
      if (const refinement* r = refined(n, "file-as")) sort = r->text;
      if (sort.empty()) sort = attribute(n, "file-as");
      std::vector<std::string> names{text};
      if (nodes.size() == 1) names = split_people(clean_text(text, 4000));
      std::string role = role_of(n);
      int order = 1'000'000;
      if (const refinement* r = refined(n, "display-seq"))
        order = static_cast<int>(std::clamp<std::int64_t>(to_integer(trim(r->text)).value_or(order), 0, order));
      for (const std::string& name : names) {
        person_name p = clean_person(name, names.size() == 1 ? sort : std::string(), first_language());
        if (p.name.empty() || role == "bkp") continue;
        out.push_back({{p.name, p.sort, role}, !role.empty(), order});
      }
    }
    std::stable_sort(out.begin(), out.end(), [](const named_person& a, const named_person& b) { return a.order < b.order; });
    return out;
  }

  void people() {
    std::vector<named_person> creators = read_people("creator");
    auto count = [&](auto matches) { return std::count_if(creators.begin(), creators.end(), matches); };
    auto is_author = [](const named_person& p) { return p.who.role == "aut"; };
    auto has_none = [](const named_person& p) { return !p.role_given; };
    auto is_editor = [](const named_person& p) { return p.who.role == "edt"; };
    auto add = [this](named_person p, bool author) {
      if (p.who.role.empty()) p.who.role = author ? "aut" : "ctb";
      std::vector<person>& list = author ? about_.authors : about_.contributors;
      if (std::find(list.begin(), list.end(), p.who) == list.end()) list.push_back(std::move(p.who));
    };
    auto take = [&](auto matches) {
      for (const named_person& p : creators) add(p, matches(p));
    };
    if (count(is_author) > 0) {
      take(is_author);
    } else if (count(has_none) > 0) {
      take(has_none);
    } else if (count(is_editor) > 0) {
      take(is_editor);
    } else {
      take([](const named_person&) { return true; });
    }
    for (const named_person& p : read_people("contributor")) add(p, false);
  }

  void series() {
    std::string name, index;
    bool typed = false;
    for (const pugi::xml_node& n : metas_) {
      if (after_colon(attribute(n, "property")) != "belongs-to-collection") continue;
      const refinement* type = refined(n, "collection-type");
      bool is_series = type != nullptr && equal_ascii_case(trim(type->text), "series");
      if ((type != nullptr && !is_series) || (!name.empty() && (typed || !is_series))) continue;
      std::string text = bounded(text_of(n), series_limit, "series");
      if (text.empty()) continue;
      name = std::move(text);
      typed = is_series;
      const refinement* position = refined(n, "group-position");
      index = position == nullptr ? std::string() : clean_text(position->text, 40);
    }
    std::string calibre = bounded(named("calibre:series"), series_limit, "series");
    if (calibre.empty()) calibre = bounded(property("calibre:series"), series_limit, "series");
    if (!calibre.empty()) {  // tools edit this pair, so it wins
      std::string calibre_index = clean_text(named("calibre:series_index"), 40);
      if (!calibre_index.empty() || calibre != name) index = calibre_index;
      name = calibre;
    }
    about_.series = name;
    if (name.empty() || index.empty()) return;
    about_.series_index_text = index;
    about_.series_index = series_number(index);
    if (!about_.series_index) warn(warnings_, "metadata_invalid_value", "series index");
  }

  void subjects() {
    const std::vector<pugi::xml_node>& nodes = all("subject");
    std::vector<std::string> found;
    for (const pugi::xml_node& n : nodes) {
      if (found.size() > most_subjects) break;
      std::string text = clean_text(text_of(n), 64 << 10);
      std::vector<std::string> parts = split(text, ';');
      if (nodes.size() == 1 && parts.size() == 1) {
        std::vector<std::string> at_commas = split(text, ',');
        bool short_parts =
            std::all_of(at_commas.begin(), at_commas.end(), [](const std::string& p) { return count_words(p) <= 4; });
        if (short_parts) parts = std::move(at_commas);
      }
      for (const std::string& p : parts) found.push_back(bounded(p, subject_limit, "subjects"));
    }
    bool readable =
        std::any_of(found.begin(), found.end(), [](const std::string& s) { return !s.empty() && !is_subject_code(s); });
    std::vector<std::string> seen;
    for (std::string& s : found) {
      std::string key = case_fold(s);
      if (s.empty() || (readable && is_subject_code(s)) || std::find(seen.begin(), seen.end(), key) != seen.end()) continue;
      if (about_.subjects.size() >= most_subjects) {
        warn(warnings_, "metadata_truncated", "subjects");
        return;
      }
      seen.push_back(std::move(key));
      about_.subjects.push_back(std::move(s));
    }
  }

  void dates() {
    for (const pugi::xml_node& n : all("date")) {
      std::string event = lower_ascii(trim(attribute(n, "event")));
      if (!event.empty() && event != "publication" && event != "original-publication") continue;
      std::string text = clean_text(text_of(n), 100);
      if (text.empty() || text.starts_with("0101-01-01")) continue;
      if (std::optional<std::string> found = date(text)) {
        about_.published_on = *found;
        return;
      }
      warn(warnings_, "metadata_invalid_value", "date");
    }
  }

  void identifiers() {
    for (const pugi::xml_node& n : all("identifier")) {
      const refinement* type = refined(n, "identifier-type");
      std::string onix = type != nullptr && type->scheme == "onix:codelist5" ? std::string(trim(type->text)) : std::string();
      std::size_t known = about_.identifiers.size();
      if (!add_identifier(about_.identifiers, text_of(n), attribute(n, "scheme"), onix))
        warn(warnings_, "metadata_invalid_value", "ISBN");
      else if (about_.identifiers.size() == known)
        note_other(clean_text(text_of(n), fact_limit));
      if (about_.identifiers.size() >= 50) break;
    }
    if (!others_.empty()) about_.facts.emplace_back("other_identifiers", join(others_, "\n"));
    for (const pugi::xml_node& n : all("source")) {
      std::optional<isbn> print = parse_isbn(text_of(n));
      if (!print) continue;
      about_.identifiers.emplace_back("print_isbn", print->isbn_13);
      break;
    }
  }

  // An identifier that has no name, or is a second one of its kind.
  void note_other(std::string text) {
    std::optional<isbn> number = parse_isbn(text);
    auto says_it = [&](const auto& i) {
      return text.find(i.second) != std::string::npos || (number && number->isbn_13 == i.second);
    };
    bool said = std::any_of(about_.identifiers.begin(), about_.identifiers.end(), says_it);
    bool noted = std::find(others_.begin(), others_.end(), text) != others_.end();
    if (!text.empty() && !said && !noted && others_.size() < most_others) others_.push_back(std::move(text));
  }

  void read_description() {
    for (const pugi::xml_node& n : all("description")) {
      description d = sanitise(text_of(n), description_limit);
      if (d.shortened) warn(warnings_, "metadata_truncated", "description");
      if (d.text.empty()) continue;
      about_.description_html = std::move(d.html);
      about_.description_text = std::move(d.text);
      return;
    }
  }

  // A value that is a list, text, a number, yes or no.
  static std::vector<std::string> texts_in(const json::value& value) {
    std::vector<std::string> out;
    auto add = [&](const json::value& v) {
      if (v.as_text() != nullptr) out.push_back(*v.as_text());
      if (v.as_number() != nullptr) out.push_back(v.as_number()->text);
      if (v.as_bool()) out.emplace_back(*v.as_bool() ? "true" : "false");
    };
    if (value.as_array() == nullptr) {
      add(value);
      return out;
    }
    for (const json::value& v : *value.as_array()) {
      if (out.size() < most_subjects) add(v);
    }
    return out;
  }

  // What no field holds is kept as it is; "#extra#" is the place in a series.
  void custom_column(std::string_view name, const json::object& definition) {
    const json::value* value = definition.find("#value#");
    if (value == nullptr || !name.starts_with('#') || columns_ == most_columns) return;
    calibre_column c{std::string(name.substr(1)), texts_in(*value)};
    std::string text = column_text(c), fact = column_fact(c.label);
    if (text.empty() || fact.empty() || has_fact(fact) || take_column(about_, c, {}, warnings_)) return;
    ++columns_;
    double place = 0;
    if (definition.take("#extra#", place)) text += " [" + shortest(place) + "]";
    about_.facts.emplace_back(std::move(fact), std::move(text));
  }

  bool has_fact(const std::string& key) const {
    return std::any_of(about_.facts.begin(), about_.facts.end(), [&](const auto& f) { return f.first == key; });
  }

  void rights_and_source() {
    for (const char* name : {"rights", "source"}) {
      if (std::string text = first_text(name, fact_limit); !text.empty()) about_.facts.emplace_back(name, std::move(text));
    }
  }

  void custom_columns() {
    constexpr std::string_view prefix = "calibre:user_metadata:";
    for (const pugi::xml_node& n : metas_) {
      std::string name = attribute(n, "name");
      if (!name.starts_with(prefix)) continue;
      if (auto parsed = json::read_object(attribute(n, "content")))
        custom_column(std::string_view(name).substr(prefix.size()), *parsed);
    }
    if (std::string text = property("calibre:user_metadata"); !text.empty()) {
      auto parsed = json::read_object(text);
      if (!parsed) return;
      for (const auto& [column, definition] : parsed->members()) {
        if (definition.as_object() != nullptr) custom_column(column, *definition.as_object());
      }
    }
  }

  void layout_and_rating() {
    about_.fixed_layout =
        trim(property("rendition:layout")) == "pre-paginated" || lower_ascii(trim(named("fixed-layout"))) == "true";
    std::string rating = named("calibre:rating");
    if (rating.empty()) rating = property("calibre:rating");
    if (std::optional<double> r = to_double(trim(rating)); r && *r >= 0 && *r <= 10) about_.rating = *r / 2;

    pugi::xml_node spine = child(package_, "spine");
    std::string progression = lower_ascii(trim(attribute(spine, "page-progression-direction")));
    std::string mode = lower_ascii(trim(named("primary-writing-mode")));
    if (progression == "rtl" || (progression != "ltr" && mode.ends_with("-rl"))) about_.reading = direction::rtl;
    if (progression == "ltr") about_.reading = direction::ltr;
  }

  pugi::xml_node package_;
  std::vector<warning>& warnings_;
  metadata about_;
  std::string sort_title_;
  std::vector<std::string> others_;
  std::size_t columns_ = 0;
  bool main_found_ = false;
  std::map<std::string, std::vector<pugi::xml_node>> elements_;
  std::map<std::string, std::vector<refinement>> refinements_;
  std::vector<pugi::xml_node> metas_;
};

}  // namespace

metadata package_metadata(const pugi::xml_node& package, std::vector<warning>& warnings) {
  return reader(package, warnings).read();
}

}  // namespace carrel::publication
