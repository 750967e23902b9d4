#include "web/pages/rule_form.hpp"

#include <algorithm>
#include <cmath>

#include "library/catalog_details.hpp"
#include "library/libraries.hpp"
#include "library/shelf.hpp"
#include "server/core/text.hpp"
#include "web/format.hpp"
#include "web/opinion.hpp"
#include "web/pages/parts.hpp"

namespace carrel::web {
namespace {

using library::rule_field;
using library::rule_op;
using group = library::rule_node::what;
using list = rule_choices::list;

constexpr std::size_t most_rows = 100, most_choices = 200;

std::string key_of(rule_field f) { return "rule.field." + std::string(library::name_of(f)); }
std::string key_of(rule_op o) { return "rule.op." + std::string(library::name_of(o)); }

bool takes_nothing(const std::string& op) { return op == "present" || op == "missing"; }
bool takes_day(const std::string& op) { return op == "since" || op == "before"; }
bool is_number(rule_field f) {
  return f == rule_field::rating || f == rule_field::year || f == rule_field::pages || f == rule_field::duration;
}

rule_field field_of(const rule_row& r) { return library::rule_field_named(r.field).value_or(rule_field::state); }

// Another field has other operators: the usual one of them until somebody chooses.
std::string op_of(const rule_row& r) {
  std::span<const rule_op> ops = library::rule_ops_of(field_of(r));
  std::optional<rule_op> typed = library::rule_op_named(r.op);
  bool fits = typed && std::find(ops.begin(), ops.end(), *typed) != ops.end();
  return std::string(library::name_of(fits ? *typed : ops.front()));
}

std::string wrong_key(const rule_row& r) {
  if (r.field == "rating") return "rule.wrong.stars";
  if (r.field == "language") return "rule.wrong.language";
  if (takes_day(r.op)) return "rule.wrong.day";
  if (is_number(field_of(r)) || r.field == "added") return "rule.wrong.number";
  return "rule.wrong.value";
}

result<library::rule, wrong_rule> rule_of_text(const std::string& text) {
  result<library::rule> r = library::read_rule_text(text);
  if (!r) return wrong_rule{"text", "rule.wrong.text", r.error().message()};
  return std::move(*r);
}

bool is_flat(const library::rule& r) {
  return std::all_of(r.when.parts.begin(), r.when.parts.end(), [](const library::rule_node& n) { return n.is == group::test; });
}

group group_named(const std::string& match) { return match == "any" ? group::any : match == "none" ? group::none : group::all; }

// ---- what can be chosen ------------------------------------------------------------------------------------------

list named(const messages& say, const std::string& prefix, std::initializer_list<const char*> values) {
  list out;
  for (const char* value : values) out.emplace_back(value, say.text(prefix + value));
  return out;
}

list formats() {
  list out;
  for (const char* name : {"epub", "kepub", "pdf", "cbz", "cbr", "mobi", "azw3", "fb2", "txt", "m4b", "mp3"}) {
    std::string shown = name;
    std::transform(shown.begin(), shown.end(), shown.begin(),
                   [](char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c; });
    out.emplace_back(name, shown);
  }
  return out;
}

// Nothing for what is typed.
list choices_of(const messages& say, rule_field f, const rule_choices& all) {
  switch (f) {
    case rule_field::state: return named(say, "opinion.state.", {"unread", "wanted", "reading", "read", "abandoned"});
    case rule_field::format: return formats();
    case rule_field::language: return all.languages;
    case rule_field::library: return all.libraries;
    case rule_field::shelf: return all.shelves;
    default: return {};
  }
}

std::vector<view> ticks(list all, const std::vector<std::string>& chosen) {
  for (const std::string& value : chosen) {
    bool there = std::any_of(all.begin(), all.end(), [&](const auto& a) { return a.first == value; });
    if (!there && !value.empty()) all.emplace_back(value, value);
  }
  std::vector<view> out;
  for (const auto& [value, label] : all) {
    view v;
    v.set("value", value).set("label", label);
    v.set("chosen", std::find(chosen.begin(), chosen.end(), value) != chosen.end());
    out.push_back(v);
  }
  return out;
}

view row_view(const visit& v, const rule_row& r, std::size_t i, const rule_choices& all) {
  rule_field field = field_of(r);
  std::string op = op_of(r);
  list fields, ops;
  for (rule_field f : library::rule_fields()) fields.emplace_back(library::name_of(f), v.say.text(key_of(f)));
  for (rule_op o : library::rule_ops_of(field)) ops.emplace_back(library::name_of(o), v.say.text(key_of(o)));
  list choices = takes_nothing(op) ? list{} : choices_of(v.say, field, all);
  view out;
  out.set("i", i).set("number", i + 1).set("fields", options(fields, library::name_of(field))).set("ops", options(ops, op));
  out.set("row_choices", ticks(choices, choices.empty() ? std::vector<std::string>{} : r.values));
  out.set("as_day", takes_day(op)).set("as_number", is_number(field) || (field == rule_field::added && !takes_day(op)));
  out.set("as_input", choices.empty() && !takes_nothing(op)).set("value", join(r.values, "; "));
  bool several = field == rule_field::genre || field == rule_field::tag || field == rule_field::author ||
                 field == rule_field::series || field == rule_field::publisher;
  std::string hint;
  if (several) hint = "rule.hint.several";
  if (field == rule_field::rating) hint = "rule.hint.stars";
  if (field == rule_field::duration) hint = "rule.hint.minutes";
  if (field == rule_field::added && !takes_day(op)) hint = "rule.hint.days";
  out.set("hint", hint.empty() || takes_nothing(op) ? "" : v.say.text(hint));
  return out;
}

// ---- in words ----------------------------------------------------------------------------------------------------

std::string between(const messages& say, const char* key) { return " " + say.text(key) + " "; }

std::string label_in(const list& all, const std::string& value) {
  auto at = std::find_if(all.begin(), all.end(), [&](const auto& a) { return a.first == value; });
  return at == all.end() ? value : at->second;
}

std::string words_of(const messages& say, const library::rule_test& t, const rule_choices& all) {
  std::string out = say.text(key_of(t.field)) + " " + say.text(key_of(t.op));
  if (t.op == rule_op::present || t.op == rule_op::missing) return out;
  if (t.field == rule_field::rating) return out + " " + stars_words(say, static_cast<int>(std::lround(2 * t.number)));
  list known = choices_of(say, t.field, all);
  if (t.texts.empty()) return out + " " + library::value_text(t);
  std::vector<std::string> shown;
  for (const std::string& text : t.texts)
    shown.push_back(t.field == rule_field::language ? language_name(say, text) : label_in(known, text));
  return out + " " + join(shown, between(say, "rule.or"));
}

std::string words_of(const messages& say, const library::rule_node& n, const rule_choices& all) {
  if (n.is == group::test) return words_of(say, n.test, all);
  std::vector<std::string> parts;
  for (const library::rule_node& part : n.parts) {
    std::string words = words_of(say, part, all);
    bool bare = part.is == group::test || part.is == group::none;
    parts.push_back(bare || n.parts.size() == 1 ? words : "(" + words + ")");
  }
  if (parts.empty()) return say.text("rule.everything");
  std::string joined = join(parts, between(say, n.is == group::all ? "rule.and" : "rule.or"));
  return n.is == group::none ? say.say("rule.none_of", {{"parts", joined}}) : joined;
}

}  // namespace

rule_form rule_form_of(const http::form& in) {
  rule_form out;
  out.name = in.text("name");
  out.match = in.text("match");
  out.sort = in.text("sort");
  out.descending = in.text("direction") != "up";
  out.limit = std::string(trim(in.text("limit")));
  out.text = in.text("text");
  out.as_text = in.has("as_text");
  auto rows = std::min(most_rows, static_cast<std::size_t>(std::max<std::int64_t>(0, to_integer(in.text("rows")).value_or(0))));
  for (std::size_t i = 0; i < rows; ++i) {
    std::string n = std::to_string(i);
    out.rows.push_back({in.text("field_" + n), in.text("op_" + n), in.all("value_" + n)});
  }
  return out;
}

rule_form rule_form_of(const library::rule& r) {
  rule_form out;
  out.match = r.when.is == group::any ? "any" : r.when.is == group::none ? "none" : "all";
  out.sort = library::name_of(r.sort);
  out.descending = r.descending;
  if (r.limit > 0) out.limit = std::to_string(r.limit);
  out.as_text = !is_flat(r);
  if (out.as_text) {
    out.text = json::dump(library::to_json(r));
    return out;
  }
  for (const library::rule_node& n : r.when.parts) {
    rule_row row{std::string(library::name_of(n.test.field)), std::string(library::name_of(n.test.op)), n.test.texts};
    if (row.values.empty()) row.values = {library::value_text(n.test)};
    out.rows.push_back(std::move(row));
  }
  return out;
}

rule_form as_text(const rule_form& f) {
  rule_form right = f, out = f;
  std::erase_if(right.rows, [](const rule_row& r) { return !library::read_rule_test(r.field, op_of(r), join(r.values, ";")); });
  result<library::rule, wrong_rule> r = rule_in(right);
  out.text = json::dump(library::to_json(r ? *r : library::rule{}));
  out.as_text = true;
  return out;
}

result<library::rule, wrong_rule> rule_in(const rule_form& f) {
  if (f.as_text) return rule_of_text(f.text);
  library::rule out;
  out.when.is = group_named(f.match);
  for (std::size_t i = 0; i < f.rows.size(); ++i) {
    rule_row row = f.rows[i];
    row.op = op_of(row);
    result<library::rule_test> t = library::read_rule_test(row.field, row.op, join(row.values, ";"));
    if (!t) return wrong_rule{"value_" + std::to_string(i), wrong_key(row), {}};
    out.when.parts.push_back({.test = std::move(*t)});
  }
  if (out.when.parts.empty() && out.when.is != group::all) return wrong_rule{"match", "rule.wrong.empty", {}};
  out.sort = library::rule_sort_named(f.sort).value_or(library::rule_sort::added);
  out.descending = f.descending;
  std::int64_t limit = f.limit.empty() ? 0 : to_integer(f.limit).value_or(-1);
  if (limit < 0 || limit > library::most_rule_limit) return wrong_rule{"limit", "rule.wrong.limit", {}};
  out.limit = static_cast<int>(limit);
  if (!library::read_rule(library::to_json(out))) return wrong_rule{"match", "rule.wrong.large", {}};
  return out;
}

std::string words_for(const messages& say, const wrong_rule& w) {
  return w.key == "rule.wrong.text" ? say.say(w.key, {{"place", w.place}}) : say.text(w.key);
}

rule_choices load_rule_choices(db::tx& tx, const uuid& viewer) {
  rule_choices out;
  for (const library::name_entry& e :
       library::list_names(tx, viewer, library::names::languages, "", {}, static_cast<int>(most_choices)).entries)
    out.languages.emplace_back(e.name, e.name);
  std::optional<std::vector<uuid>> allowed = library::limits_of(tx, viewer).libraries;
  for (const library::book_library& l : library::libraries(tx)) {
    bool seen = !allowed || std::find(allowed->begin(), allowed->end(), l.id) != allowed->end();
    if (seen) out.libraries.emplace_back(l.id.text(), l.name);
  }
  for (const library::shelf& s : library::shelves(tx, viewer)) {
    if (out.shelves.size() < most_choices) out.shelves.emplace_back(s.id.text(), s.name);
  }
  return out;
}

rule_form load_rule_of_filter(db::tx& tx, const uuid& viewer, const library::filter& f) {
  rule_form out;
  auto add = [&](const char* field, const char* op, const std::string& value) {
    if (!value.empty()) out.rows.push_back({field, op, {value}});
  };
  auto name = [&](library::names kind, const std::optional<uuid>& id) {
    return id ? library::name_of(tx, viewer, kind, *id).value_or("") : std::string();
  };
  add("state", "is", f.state);
  add("rating", "at_least", f.rating > 0 ? shortest(f.rating / 2.0) : "");
  add("language", "is", f.language);
  add("format", "is", f.format);
  add("author", "is", name(library::names::authors, f.person));
  add("series", "is", name(library::names::series, f.series));
  add("tag", "is", name(library::names::tags, f.tag));
  add("shelf", "is", f.shelf ? f.shelf->text() : "");
  add("text", "contains", f.text);
  add("publisher", "contains", f.publisher);
  add("year", "at_least", library::detail_of(f, "year_from"));
  add("year", "at_most", library::detail_of(f, "year_to"));
  add("added", "within_days", library::detail_of(f, "added"));
  if (!f.missing.empty()) out.rows.push_back({f.missing, "missing", {}});
  if (f.order == library::list::of::title) out.sort = "title";
  if (f.order == library::list::of::author) out.sort = "author";
  out.descending = out.sort == "added";
  if (out.rows.empty()) out.rows.push_back({"state", "is", {"unread"}});
  return out;
}

void fill_rule_form(const visit& v, const rule_form& f, rule_choices all, view& out) {
  for (auto& [tag, label] : all.languages) label = language_name(v.say, tag);
  std::sort(all.languages.begin(), all.languages.end(), [](const auto& a, const auto& b) { return a.second < b.second; });
  std::vector<view> rows;
  for (std::size_t i = 0; i < f.rows.size(); ++i) rows.push_back(row_view(v, f.rows[i], i, all));
  list sorts;
  for (library::rule_sort s : library::rule_sorts())
    sorts.emplace_back(library::name_of(s), v.say.text("rule.sort." + std::string(library::name_of(s))));
  out.set("rows", rows).set("row_count", f.rows.size()).set("may_add", f.rows.size() < most_rows);
  out.set("matches", options(named(v.say, "rule.match.", {"all", "any", "none"}), f.match));
  out.set("sorts", options(sorts, f.sort));
  out.set("directions", options(named(v.say, "rule.direction.", {"down", "up"}), f.descending ? "down" : "up"));
  out.set("limit", f.limit).set("text", f.text).set("as_text", f.as_text).set("typed_name", f.name);
}

std::string rule_words(const messages& say, const library::rule& r, const rule_choices& all) {
  return words_of(say, r.when, all);
}

}  // namespace carrel::web
