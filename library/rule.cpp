#include "library/rule.hpp"

#include <algorithm>
#include <array>
#include <cmath>

#include "library/search_words.hpp"
#include "library/storable.hpp"
#include "publication/reading.hpp"
#include "publication/unicode.hpp"
#include "server/core/text.hpp"

namespace carrel::library {
namespace {

enum class kind { word, number, day, words, flag };

struct field_words {
  rule_field is;
  std::string_view name;
  kind of;
  std::span<const rule_op> ops;
};

using op = rule_op;
constexpr std::array of_state{op::is, op::is_not};
constexpr std::array of_names{op::is, op::is_not, op::contains, op::present, op::missing};
constexpr std::array of_languages{op::is, op::is_not, op::present, op::missing};
constexpr std::array of_numbers{op::at_least, op::at_most, op::above, op::below, op::is, op::is_not, op::present, op::missing};
constexpr std::array of_days{op::within_days, op::older_than_days, op::since, op::before};
constexpr std::array of_text{op::contains};
constexpr std::array of_cover{op::present, op::missing};

constexpr std::array fields{
    field_words{rule_field::state, "state", kind::word, of_state},
    field_words{rule_field::rating, "rating", kind::number, of_numbers},
    field_words{rule_field::language, "language", kind::word, of_languages},
    field_words{rule_field::genre, "genre", kind::word, of_names},
    field_words{rule_field::tag, "tag", kind::word, of_names},
    field_words{rule_field::author, "author", kind::word, of_names},
    field_words{rule_field::series, "series", kind::word, of_names},
    field_words{rule_field::publisher, "publisher", kind::word, of_names},
    field_words{rule_field::year, "year", kind::number, of_numbers},
    field_words{rule_field::format, "format", kind::word, of_state},
    field_words{rule_field::pages, "pages", kind::number, of_numbers},
    field_words{rule_field::duration, "duration", kind::number, of_numbers},
    field_words{rule_field::added, "added", kind::day, of_days},
    field_words{rule_field::library, "library", kind::word, of_state},
    field_words{rule_field::text, "text", kind::words, of_text},
    field_words{rule_field::cover, "cover", kind::flag, of_cover},
    field_words{rule_field::shelf, "shelf", kind::word, of_state},
};

constexpr std::array<std::pair<rule_op, std::string_view>, 13> ops{{{op::is, "is"},
                                                                    {op::is_not, "is_not"},
                                                                    {op::contains, "contains"},
                                                                    {op::at_least, "at_least"},
                                                                    {op::at_most, "at_most"},
                                                                    {op::above, "above"},
                                                                    {op::below, "below"},
                                                                    {op::present, "present"},
                                                                    {op::missing, "missing"},
                                                                    {op::since, "since"},
                                                                    {op::before, "before"},
                                                                    {op::within_days, "within_days"},
                                                                    {op::older_than_days, "older_than_days"}}};

constexpr std::array<std::pair<rule_sort, std::string_view>, 8> sorts{{{rule_sort::added, "added"},
                                                                       {rule_sort::title, "title"},
                                                                       {rule_sort::author, "author"},
                                                                       {rule_sort::series, "series"},
                                                                       {rule_sort::published, "published"},
                                                                       {rule_sort::pages, "pages"},
                                                                       {rule_sort::duration, "duration"},
                                                                       {rule_sort::rating, "rating"}}};

constexpr double most_number = 1e9;
constexpr int most_days = 36'500;

const field_words& words_of(rule_field f) {
  return *std::find_if(fields.begin(), fields.end(), [&](const field_words& w) { return w.is == f; });
}

template <class T, std::size_t N>
std::string_view name_in(const std::array<std::pair<T, std::string_view>, N>& all, T what) {
  return std::find_if(all.begin(), all.end(), [&](const auto& a) { return a.first == what; })->second;
}
template <class T, std::size_t N>
std::optional<T> named_in(const std::array<std::pair<T, std::string_view>, N>& all, std::string_view name) {
  auto at = std::find_if(all.begin(), all.end(), [&](const auto& a) { return a.second == name; });
  return at == all.end() ? std::nullopt : std::optional(at->first);
}

bool takes_nothing(rule_op o) { return o == op::present || o == op::missing; }
bool takes_days(rule_op o) { return o == op::within_days || o == op::older_than_days; }
bool takes_number(const field_words& w, rule_op o) { return !takes_nothing(o) && (w.of == kind::number || takes_days(o)); }

error at_value(std::string why) { return {"value", std::move(why)}; }

// As it is stored and compared.
result<std::string> canonical(rule_field f, std::string_view given) {
  std::string text(trim(given));
  if (text.empty()) return at_value("is empty");
  if (!storable(text) || count_code_points(text) > longest_rule_value) return at_value("is not a text of at most 200 characters");
  if (f == rule_field::state && !publication::reading_state_named(text))
    return at_value("is none of unread, wanted, reading, read, abandoned");
  if (f == rule_field::format) return lower_ascii(text);
  if (f == rule_field::text && search_words(text).empty()) return at_value("holds no word");
  if (f == rule_field::language) {
    std::optional<std::string> tag = publication::language_tag(text);
    return tag ? result<std::string>(*tag) : at_value("is no language");
  }
  if (f == rule_field::library || f == rule_field::shelf) {
    std::optional<uuid> id = uuid::parse(text);
    return id ? result<std::string>(id->text()) : at_value("is no id");
  }
  return text;
}

std::optional<error> set_texts(rule_test& t, const std::vector<std::string>& given) {
  if (given.empty()) return at_value("is empty");
  if (given.size() > static_cast<std::size_t>(most_rule_values)) return at_value("has more than 50 parts");
  for (const std::string& one : given) {
    result<std::string> text = canonical(t.field, one);
    if (!text) return text.error();
    if (std::find(t.texts.begin(), t.texts.end(), *text) == t.texts.end()) t.texts.push_back(std::move(*text));
  }
  return std::nullopt;
}

std::optional<error> set_day(rule_test& t, std::string_view given) {
  std::optional<std::string> day = publication::date(given);
  if (!day || day->size() != 10) return at_value("is no day such as 2024-05-31");
  t.texts = {*day};
  return std::nullopt;
}

std::optional<error> set_number(rule_test& t, double n) {
  bool stars = t.field == rule_field::rating;
  bool whole = std::floor(n) == n;
  if (stars && (n < 0.5 || n > 5 || std::floor(2 * n) != 2 * n)) return at_value("is no number of stars from 0.5 to 5 in halves");
  if (!stars && (!whole || n < 0 || n > (takes_days(t.op) ? most_days : most_number))) return at_value("is no whole number");
  t.number = n;
  return std::nullopt;
}

std::optional<error> set_value(rule_test& t, const json::value* v) {
  const field_words& w = words_of(t.field);
  if (takes_nothing(t.op)) return v == nullptr ? std::nullopt : std::optional(at_value("has no place here"));
  if (v == nullptr) return at_value("is missing");
  if (takes_number(w, t.op)) {
    std::optional<double> n = v->as_number() == nullptr ? std::nullopt : to_double(v->as_number()->text);
    return n ? set_number(t, *n) : at_value("is no number");
  }
  if (w.of == kind::day) return v->as_text() == nullptr ? at_value("is no text") : set_day(t, *v->as_text());
  if (v->as_text() != nullptr) return set_texts(t, {*v->as_text()});
  if (v->as_array() == nullptr || w.of == kind::words) return at_value("is no text");
  std::vector<std::string> texts;
  for (const json::value& one : *v->as_array()) {
    if (one.as_text() == nullptr) return at_value("is no list of texts");
    texts.push_back(*one.as_text());
  }
  return set_texts(t, texts);
}

result<rule_test> test_of(std::string_view field, std::string_view o) {
  std::optional<rule_field> f = rule_field_named(field);
  if (!f) return error{"field", "is not known"};
  std::optional<rule_op> known = rule_op_named(o);
  std::span<const rule_op> allowed = rule_ops_of(*f);
  if (!known || std::find(allowed.begin(), allowed.end(), *known) == allowed.end())
    return error{"op", "is none that the field has"};
  rule_test out;
  out.field = *f;
  out.op = *known;
  return out;
}

// ---- the document ------------------------------------------------------------------------------------------------

constexpr std::array<std::pair<rule_node::what, std::string_view>, 3> groups{
    {{rule_node::what::all, "all"}, {rule_node::what::any, "any"}, {rule_node::what::none, "none"}}};

std::string in(const std::string& place, std::string_view member) {
  return place.empty() ? std::string(member) : place + "." + std::string(member);
}

class reader {
 public:
  result<rule_node> group(const json::object& o, rule_node::what kind, const std::string& place, int depth) {
    rule_node out{.is = kind};
    std::string name(name_in(groups, kind));
    const json::array* parts = o.find(name)->as_array();
    if (parts == nullptr) return error{in(place, name), "is no list"};
    if (depth > most_rule_depth) return error{in(place, name), "is too deep"};
    if (parts->empty() && kind != rule_node::what::all) return error{in(place, name), "is empty"};
    for (std::size_t i = 0; i < parts->size(); ++i) {
      result<rule_node> part = node((*parts)[i], in(place, name) + "[" + std::to_string(i) + "]", depth + 1);
      if (!part) return part.error();
      out.parts.push_back(std::move(*part));
    }
    return out;
  }

  // Which group the object is; nothing when it is none, or more than one.
  static std::optional<rule_node::what> group_in(const json::object& o) {
    std::optional<rule_node::what> out;
    for (const auto& [kind, name] : groups) {
      if (o.find(name) == nullptr) continue;
      if (out) return std::nullopt;
      out = kind;
    }
    return out;
  }

 private:
  result<rule_node> node(const json::value& v, const std::string& place, int depth) {
    const json::object* o = v.as_object();
    if (o == nullptr) return error{place, "is no object"};
    if (++nodes_ > most_rule_tests) return error{place, "is one condition too many"};
    if (std::optional<rule_node::what> kind = group_in(*o)) {
      if (o->size() > 1) return error{place, "has a member that is not known"};
      return group(*o, *kind, place, depth);
    }
    return test(*o, place);
  }

  static result<rule_node> test(const json::object& o, const std::string& place) {
    for (const auto& [name, value] : o.members()) {
      if (name != "field" && name != "op" && name != "value") return error{place, "has a member that is not known"};
    }
    std::string field, op_name;
    if (!o.take("field", field)) return error{in(place, "field"), "is missing"};
    if (!o.take("op", op_name)) return error{in(place, "op"), "is missing"};
    result<rule_test> out = test_of(field, op_name);
    if (!out) return error{in(place, out.error().field), out.error().reason};
    if (std::optional<error> wrong = set_value(*out, o.find("value"))) return error{in(place, wrong->field), wrong->reason};
    return rule_node{.test = std::move(*out)};
  }

  int nodes_ = 0;
};

std::optional<error> read_order(const json::object& o, rule& out) {
  std::string sort;
  if (o.find("sort") != nullptr) {
    std::optional<rule_sort> known = o.take("sort", sort) ? rule_sort_named(sort) : std::nullopt;
    if (!known) return error{"sort", "is none of added, title, author, series, published, pages, duration, rating"};
    out.sort = *known;
    out.descending = *known == rule_sort::added || *known == rule_sort::rating;
  }
  if (o.find("descending") != nullptr && !o.take("descending", out.descending))
    return error{"descending", "is not true or false"};
  if (o.find("limit") == nullptr) return std::nullopt;
  std::int64_t limit = 0;
  if (!o.take("limit", limit) || limit < 1 || limit > most_rule_limit) return error{"limit", "is no number from 1 to 10000"};
  out.limit = static_cast<int>(limit);
  return std::nullopt;
}

json::object to_json(const rule_test& t) {
  json::object out{{"field", name_of(t.field)}, {"op", name_of(t.op)}};
  const field_words& w = words_of(t.field);
  if (takes_nothing(t.op)) return out;
  if (takes_number(w, t.op))
    out.set("value", json::number{shortest(t.number)});
  else if (t.texts.size() == 1)
    out.set("value", t.texts.front());
  else
    out.set("value", t.texts);
  return out;
}

json::object to_json(const rule_node& n) {
  if (n.is == rule_node::what::test) return to_json(n.test);
  json::array parts;
  for (const rule_node& part : n.parts) parts.emplace_back(to_json(part));
  return {{std::string(name_in(groups, n.is)), parts}};
}

template <class F>
void each_test(const rule_node& n, F& f) {
  if (n.is == rule_node::what::test) f(n.test);
  for (const rule_node& part : n.parts) each_test(part, f);
}

}  // namespace

std::string_view name_of(rule_field f) { return words_of(f).name; }
std::string_view name_of(rule_op o) { return name_in(ops, o); }
std::string_view name_of(rule_sort s) { return name_in(sorts, s); }
std::optional<rule_op> rule_op_named(std::string_view name) { return named_in(ops, name); }
std::optional<rule_sort> rule_sort_named(std::string_view name) { return named_in(sorts, name); }

std::optional<rule_field> rule_field_named(std::string_view name) {
  auto at = std::find_if(fields.begin(), fields.end(), [&](const field_words& w) { return w.name == name; });
  return at == fields.end() ? std::nullopt : std::optional(at->is);
}

std::span<const rule_field> rule_fields() {
  static const std::array<rule_field, fields.size()> all = [] {
    std::array<rule_field, fields.size()> out{};
    std::transform(fields.begin(), fields.end(), out.begin(), [](const field_words& w) { return w.is; });
    return out;
  }();
  return all;
}
std::span<const rule_op> rule_ops_of(rule_field f) { return words_of(f).ops; }
std::span<const rule_sort> rule_sorts() {
  static const std::array<rule_sort, sorts.size()> all = [] {
    std::array<rule_sort, sorts.size()> out{};
    std::transform(sorts.begin(), sorts.end(), out.begin(), [](const auto& s) { return s.first; });
    return out;
  }();
  return all;
}

result<rule> read_rule(const json::object& o) {
  for (const auto& [name, value] : o.members()) {
    bool known = name == "sort" || name == "descending" || name == "limit" || name == "all" || name == "any" || name == "none";
    if (!known) return error{"rule", "has a member that is not known"};
  }
  std::optional<rule_node::what> kind = reader::group_in(o);
  if (!kind) return error{"rule", "needs one of all, any and none"};
  rule out;
  if (std::optional<error> wrong = read_order(o, out)) return *wrong;
  result<rule_node> when = reader().group(o, *kind, "", 1);
  if (!when) return when.error();
  out.when = std::move(*when);
  if (json::dump(to_json(out)).size() > most_rule_bytes) return error{"rule", "is longer than 16 KiB"};
  return out;
}

result<rule> read_rule_text(std::string_view json) {
  if (json.size() > most_rule_bytes) return error{"rule", "is longer than 16 KiB"};
  result<json::object> o = json::read_object(json);
  if (!o) return error{"rule", "is no JSON object"};
  return read_rule(*o);
}

result<rule_test> read_rule_test(std::string_view field, std::string_view o, std::string_view typed) {
  result<rule_test> out = test_of(field, o);
  if (!out || takes_nothing(out->op)) return out;
  const field_words& w = words_of(out->field);
  std::optional<error> wrong;
  if (takes_number(w, out->op)) {
    std::string text(trim(typed));
    std::replace(text.begin(), text.end(), ',', '.');
    std::optional<double> n = to_double(text);
    wrong = n ? set_number(*out, *n) : at_value("is no number");
  } else if (w.of == kind::day) {
    wrong = set_day(*out, typed);
  } else if (w.of == kind::words) {
    wrong = set_texts(*out, {std::string(typed)});
  } else {
    std::vector<std::string> texts = split(typed, ';');
    std::erase(texts, "");
    wrong = set_texts(*out, texts);
  }
  if (wrong) return *wrong;
  return out;
}

json::object to_json(const rule& r) {
  json::object out = to_json(r.when);
  out.set("sort", name_of(r.sort)).set("descending", r.descending);
  if (r.limit > 0) out.set("limit", r.limit);
  return out;
}

std::string value_text(const rule_test& t) {
  if (takes_nothing(t.op)) return "";
  return takes_number(words_of(t.field), t.op) ? shortest(t.number) : join(t.texts, "; ");
}

bool speaks_of_reading(const rule& r) {
  bool out = r.sort == rule_sort::rating;
  auto look = [&](const rule_test& t) { out = out || t.field == rule_field::state || t.field == rule_field::rating; };
  each_test(r.when, look);
  return out;
}

std::vector<uuid> shelves_in(const rule& r) {
  std::vector<uuid> out;
  auto look = [&](const rule_test& t) {
    if (t.field != rule_field::shelf) return;
    for (const std::string& text : t.texts) {
      uuid id = uuid::parse(text).value();
      if (std::find(out.begin(), out.end(), id) == out.end()) out.push_back(id);
    }
  };
  each_test(r.when, look);
  return out;
}

// ---- places ------------------------------------------------------------------------------------------------------

namespace {

constexpr std::int64_t spacing = 1 << 20, farthest = std::int64_t{1} << 60;

using places = std::vector<std::optional<std::int64_t>>;

// The most of them that are in ascending order already.
places longest_ascent(const places& had) {
  std::vector<std::size_t> ends;  // the end of the best ascent of each length
  std::vector<std::size_t> before(had.size(), SIZE_MAX);
  for (std::size_t i = 0; i < had.size(); ++i) {
    if (!had[i]) continue;
    auto at = std::lower_bound(ends.begin(), ends.end(), i, [&](std::size_t a, std::size_t b) { return *had[a] < *had[b]; });
    if (at != ends.begin()) before[i] = *(at - 1);
    if (at == ends.end())
      ends.push_back(i);
    else
      *at = i;
  }
  places out(had.size());
  for (std::size_t i = ends.empty() ? SIZE_MAX : ends.back(); i != SIZE_MAX; i = before[i]) out[i] = had[i];
  return out;
}

std::vector<std::int64_t> all_anew(std::size_t count) {
  std::vector<std::int64_t> out(count);
  for (std::size_t i = 0; i < count; ++i) out[i] = static_cast<std::int64_t>(i + 1) * spacing;
  return out;
}

}  // namespace

std::vector<std::int64_t> places_for(const places& had) {
  places kept = longest_ascent(had);
  std::vector<std::int64_t> out(had.size());
  for (std::size_t i = 0; i < kept.size();) {
    if (kept[i]) {
      out[i] = *kept[i];
      ++i;
      continue;
    }
    std::size_t end = i;
    while (end < kept.size() && !kept[end]) ++end;
    auto count = static_cast<std::int64_t>(end - i);
    if (i == 0 && end == kept.size()) return all_anew(had.size());
    std::int64_t low = i > 0 ? out[i - 1] : *kept[end] - (count + 1) * spacing;
    std::int64_t step = i > 0 && end < kept.size() ? (*kept[end] - low) / (count + 1) : spacing;
    if (step < 1 || low < -farthest || low > farthest) return all_anew(had.size());
    for (; i < end; ++i) out[i] = low += step;
  }
  return out;
}

}  // namespace carrel::library
