#include "library/bulk_edits.hpp"

#include <algorithm>
#include <array>

#include "server/core/text.hpp"

namespace carrel::library {
namespace {

using kind = bulk_edit::kind;

constexpr std::array<std::pair<kind, const char*>, 5> kinds{
    {{kind::set, "set"}, {kind::add, "add"}, {kind::remove, "remove"}, {kind::replace, "replace"}, {kind::clear, "clear"}}};

bool is_list(const std::string& field) {
  return field == "authors" || field == "languages" || field == "genres" || field == "tags";
}

bool same_name(const std::string& a, const std::string& b) { return key_of_name(a) == key_of_name(b); }

std::vector<std::string> names_in(const json::value& v) {
  std::vector<std::string> out;
  const json::array* items = v.as_array();
  if (items == nullptr) return out;
  for (const json::value& item : *items) {
    if (item.as_text() != nullptr) out.push_back(*item.as_text());
  }
  return out;
}

std::string name_in(const json::value& series) {
  std::string out;
  if (series.as_object() != nullptr) series.as_object()->take("name", out);
  return out;
}

bool has(const std::vector<std::string>& names, const std::string& name) {
  return std::any_of(names.begin(), names.end(), [&](const std::string& n) { return same_name(n, name); });
}

json::value added(const std::vector<std::string>& now, const std::vector<std::string>& more) {
  std::vector<std::string> out = now;
  for (const std::string& name : more) {
    if (!has(out, name)) out.push_back(name);
  }
  return out;
}

json::value without(const std::vector<std::string>& now, const std::vector<std::string>& less) {
  std::vector<std::string> out;
  for (const std::string& name : now) {
    if (!has(less, name)) out.push_back(name);
  }
  return out;
}

// The new name takes the place of the old one; a book that has it already does not get it twice.
json::value replaced(const std::vector<std::string>& now, const std::string& from, const std::string& to) {
  if (!has(now, from)) return now;
  std::vector<std::string> out;
  for (const std::string& name : now) {
    const std::string& kept = same_name(name, from) ? to : name;
    if (!has(out, kept)) out.push_back(kept);
  }
  return out;
}

json::value renamed_series(const json::value& now, const std::string& name) {
  json::object out = *now.as_object();
  out.set("name", name);
  return out;
}

json::value value_to_set(const json::value& now, const bulk_edit& e) {
  const json::object* series = e.field == "series" ? e.value.as_object() : nullptr;
  if (series == nullptr || series->find("index") != nullptr || now.is_null()) return e.value;
  json::object out = *series;
  out.set("index", *now.as_object()->find("index"));
  return out;
}

json::value nothing(const std::string& field) {
  if (is_list(field)) return json::array{};
  if (field == "identifiers") return json::object{};
  return nullptr;
}

json::value value_of(const json::value& now, const bulk_edit& e) {
  switch (e.how) {
    case kind::set: return value_to_set(now, e);
    case kind::add: return added(names_in(now), names_in(e.value));
    case kind::remove: return without(names_in(now), names_in(e.value));
    case kind::clear: return nothing(e.field);
    case kind::replace: break;
  }
  if (is_list(e.field)) return replaced(names_in(now), e.from, e.to);
  std::string name = e.field == "series" ? name_in(now) : now.as_text() != nullptr ? *now.as_text() : "";
  if (name.empty() || !same_name(name, e.from)) return now;
  return e.field == "series" ? renamed_series(now, e.to) : json::value(e.to);
}

std::optional<error> apply(book_fields& f, const bulk_edit& e) {
  json::value now = field_value(f, e.field), next = value_of(now, e);
  if (means_the_same(now, next)) return std::nullopt;
  return set_field(f, e.field, next);
}

result<bulk_edit> parse_edit(const json::value& v) {
  const json::object* o = v.as_object();
  if (o == nullptr) return error{"edits", "each must be an object"};
  std::string how;
  bulk_edit e;
  if (!o->take("op", how) || !o->take("field", e.field)) return error{"edits", "each needs op and field"};
  auto known = std::find_if(kinds.begin(), kinds.end(), [&](const auto& k) { return how == k.second; });
  if (known == kinds.end()) return error{"edits", "op is set, add, remove, replace or clear"};
  e.how = known->first;
  if (const json::value* value = o->find("value")) e.value = *value;
  o->take("from", e.from);
  o->take("to", e.to);
  if (std::optional<error> bad = check_edit(e)) return *bad;
  return e;
}

bool same_number(const json::number& a, const json::number& b) {
  return a.text == b.text || (to_double(a.text) && to_double(a.text) == to_double(b.text));
}

}  // namespace

bool means_the_same(const json::value& a, const json::value& b) {
  if (a.as_number() != nullptr && b.as_number() != nullptr) return same_number(*a.as_number(), *b.as_number());
  if (a.as_array() != nullptr && b.as_array() != nullptr)
    return std::equal(a.as_array()->begin(), a.as_array()->end(), b.as_array()->begin(), b.as_array()->end(), means_the_same);
  if (a.as_object() == nullptr || b.as_object() == nullptr) return json::dump(a) == json::dump(b);
  if (a.as_object()->size() != b.as_object()->size()) return false;
  for (const auto& [name, value] : a.as_object()->members()) {
    const json::value* other = b.as_object()->find(name);
    if (other == nullptr || !means_the_same(value, *other)) return false;
  }
  return true;
}

std::vector<bulk_edit> in_order(std::vector<bulk_edit> all) {
  std::stable_partition(all.begin(), all.end(), [](const bulk_edit& e) { return e.field == "title"; });
  return all;
}

std::optional<error> check_edit(const bulk_edit& e) {
  book_fields any;
  if (e.how == kind::clear) return set_field(any, e.field, nothing(e.field));
  if (e.how == kind::set) return set_field(any, e.field, e.value);
  if (e.how == kind::replace) {
    if (!is_list(e.field) && e.field != "series" && e.field != "publisher") return error{e.field, "has no names to replace"};
    if (trim(e.from).empty() || trim(e.to).empty()) return error{e.field, "needs the old and the new name"};
    if (e.field == "series") return set_field(any, e.field, json::object{{"name", e.to}});
    return set_field(any, e.field, is_list(e.field) ? json::value(json::array{e.to}) : json::value(e.to));
  }
  if (!is_list(e.field)) return error{e.field, "is no list"};
  if (e.value.as_array() == nullptr || e.value.as_array()->empty()) return error{e.field, "needs a list of names"};
  return set_field(any, e.field, e.value);
}

result<std::vector<bulk_edit>> parse_edits(const json::array& all) {
  if (all.empty() || all.size() > most_bulk_edits) return error{"edits", all.empty() ? "there are none" : "there are too many"};
  std::vector<bulk_edit> out;
  for (const json::value& one : all) {
    result<bulk_edit> e = parse_edit(one);
    if (!e) return e.error();
    out.push_back(std::move(*e));
  }
  return in_order(std::move(out));
}

json::array edits_to_json(const std::vector<bulk_edit>& all) {
  json::array out;
  for (const bulk_edit& e : all) {
    const auto* known = std::find_if(kinds.begin(), kinds.end(), [&](const auto& k) { return e.how == k.first; });
    json::object o{{"op", known->second}, {"field", e.field}};
    if (e.how == kind::replace) o.set("from", e.from).set("to", e.to);
    if (e.how != kind::replace && e.how != kind::clear) o.set("value", e.value);
    out.emplace_back(std::move(o));
  }
  return out;
}

result<std::vector<planned_change>> plan_edits(const book_fields& before, const std::vector<bulk_edit>& edits) {
  book_fields after = before;
  std::vector<std::string> names;
  for (const bulk_edit& e : edits) {
    if (std::optional<error> bad = apply(after, e)) return *bad;
    if (std::find(names.begin(), names.end(), e.field) == names.end()) names.push_back(e.field);
  }
  std::vector<planned_change> out;
  for (const std::string& name : names) {
    planned_change c{.field = name, .before = field_value(before, name), .after = field_value(after, name)};
    if (!means_the_same(c.before, c.after)) out.push_back(std::move(c));
  }
  return out;
}

}  // namespace carrel::library
