// What a bulk edit can do to a field, as a form.

#include <algorithm>
#include <array>

#include "server/core/text.hpp"
#include "web/format.hpp"
#include "web/pages/book_form.hpp"
#include "web/pages/bulk_pages.hpp"

namespace carrel::web {
namespace {

using kind = library::bulk_edit::kind;

enum class shape { text, names, lines, series, number };
struct offered_field {
  const char* name;
  shape how;
  const char* hint;
};
constexpr std::array offered{
    offered_field{"authors", shape::lines, "edit.hint.authors"},
    offered_field{"series", shape::series, "bulk.hint.series"},
    offered_field{"tags", shape::names, "edit.hint.comma"},
    offered_field{"genres", shape::names, "edit.hint.comma"},
    offered_field{"languages", shape::names, "edit.hint.languages"},
    offered_field{"publisher", shape::text, ""},
    offered_field{"published", shape::text, "edit.hint.published"},
    offered_field{"age_rating", shape::number, ""},
    offered_field{"subtitle", shape::text, ""},
    offered_field{"description", shape::lines, "edit.hint.description"},
};
constexpr std::array<const char*, 6> with_names{"authors", "series", "publisher", "tags", "genres", "languages"};

bool is_list(const offered_field& f) { return f.how == shape::names || std::string_view(f.name) == "authors"; }

std::string typed_text(const http::form* typed, const std::string& name) { return typed != nullptr ? typed->text(name) : ""; }

std::vector<view> choices_of(const visit& v, const offered_field& f, const std::string& chosen) {
  std::vector<std::pair<std::string, std::string>> all{{"", v.say.text("bulk.op.leave")}, {"set", v.say.text("bulk.op.set")}};
  if (is_list(f)) {
    all.emplace_back("add", v.say.text("bulk.op.add"));
    all.emplace_back("remove", v.say.text("bulk.op.remove"));
  }
  all.emplace_back("clear", v.say.text("bulk.op.clear"));
  return options(all, chosen);
}

json::value names_value(const offered_field& f, const std::string& text) {
  if (f.how == shape::names) return words_of(text, {});
  return lines_of(text);
}

json::value number_value(const std::string& text) {
  std::optional<std::int64_t> n = to_integer(text);
  return n ? json::value(*n) : json::value(text);
}

// The number is optional: without one, books keep theirs.
json::value series_of(const http::form& form) {
  json::object out{{"name", std::string(trim(form.text("value_series")))}};
  std::string index(trim(form.text("number_series")));
  std::replace(index.begin(), index.end(), ',', '.');
  std::optional<double> n = to_double(index);
  if (n) out.set("index", *n);
  if (!n && !index.empty()) out.set("index", index);
  return out;
}

json::value value_in(const http::form& form, const offered_field& f) {
  std::string text(trim(form.text("value_" + std::string(f.name))));
  if (f.how == shape::series) return series_of(form);
  if (is_list(f)) return names_value(f, text);
  return f.how == shape::number ? number_value(text) : json::value(text);
}

std::optional<kind> kind_in(const http::form& form, const offered_field& f) {
  std::string op = form.text("op_" + std::string(f.name));
  if (op == "set") return kind::set;
  if (op == "clear") return kind::clear;
  if (is_list(f) && op == "add") return kind::add;
  if (is_list(f) && op == "remove") return kind::remove;
  return std::nullopt;
}

std::optional<library::bulk_edit> replacing(const http::form& form) {
  std::string from(trim(form.text("from"))), to(trim(form.text("to")));
  if (from.empty() && to.empty()) return std::nullopt;
  return library::bulk_edit{.how = kind::replace, .field = form.text("replace"), .value = {}, .from = from, .to = to};
}

}  // namespace

std::vector<library::bulk_edit> edits_in(const http::form& form, const visit& v, wrong_fields& wrong) {
  std::vector<library::bulk_edit> out;
  auto check = [&](library::bulk_edit e, const std::string& at) {
    std::optional<error> bad = library::check_edit(e);
    if (bad) wrong.emplace(at, wrong_words(v, e.field, reason_text(v.say, bad->reason)));
    out.push_back(std::move(e));
  };
  for (const offered_field& f : offered) {
    std::optional<kind> how = kind_in(form, f);
    if (!how) continue;
    json::value value = *how == kind::clear ? json::value() : value_in(form, f);
    check({.how = *how, .field = f.name, .value = std::move(value)}, "value_" + std::string(f.name));
  }
  if (std::optional<library::bulk_edit> e = replacing(form)) check(std::move(*e), "from");
  if (out.empty()) wrong.emplace("op_authors", v.say.text("bulk.wrong.nothing"));
  return library::in_order(std::move(out));
}

void fill_edit_form(const visit& v, const http::form* typed, const wrong_fields& wrong, view& out) {
  auto words = [&](const std::string& at) { return wrong.contains(at) ? wrong.at(at) : std::string(); };
  std::vector<view> rows;
  for (const offered_field& f : offered) {
    std::string name(f.name);
    view row;
    row.set("name", name).set("label", v.say.text("field." + name)).set("value", typed_text(typed, "value_" + name));
    row.set("choices", choices_of(v, f, typed_text(typed, "op_" + name))).set("as_lines", f.how == shape::lines);
    row.set("as_series", f.how == shape::series).set("number", typed_text(typed, "number_" + name));
    row.set("wrong", words("value_" + name));
    row.set("hint", *f.hint != '\0' ? v.say.text(f.hint) : "");
    rows.push_back(row);
  }
  std::vector<std::pair<std::string, std::string>> names;
  for (const char* name : with_names) names.emplace_back(name, v.say.text("field." + std::string(name)));
  out.set("rows", rows).set("replace_fields", options(names, typed_text(typed, "replace")));
  out.set("from", typed_text(typed, "from")).set("to", typed_text(typed, "to"));
  out.set("wrong_from", words("from"));
  form_errors summary;
  for (const auto& [at, text] : wrong) summary.add(at, text);
  summary.fill(out);
  out.set("locked_too", typed != nullptr && typed->has("locked"));
}

}  // namespace carrel::web
