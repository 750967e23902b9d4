#include "web/pages/compare.hpp"

#include <algorithm>

#include "library/change.hpp"
#include "publication/sanitise.hpp"
#include "server/core/text.hpp"
#include "web/format.hpp"

namespace carrel::web {
namespace {

// The text of a key made of a code, where there is one.
std::string known_words(const messages& say, const std::string& key, const std::string& otherwise) {
  return say.has(key) ? say.text(key) : otherwise;
}

std::string text_in(const json::object& o, std::string_view name) {
  std::string out;
  o.take(name, out);
  return out;
}

std::vector<std::string> texts_in(const json::value& v) {
  std::vector<std::string> out;
  for (const json::value& item : v.as_array() ? *v.as_array() : json::array{}) {
    if (item.as_text()) out.push_back(*item.as_text());
  }
  return out;
}

std::string number_in(const json::value* v) { return v && v->as_number() ? v->as_number()->text : std::string(); }

std::string series_text(const messages& say, const json::object& o) {
  std::string name = text_in(o, "name"), index = number_in(o.find("index"));
  return index.empty() ? name : say.say("review.in_series", {{"name", name}, {"index", index}});
}

std::string people_text(const messages& say, const json::value& v) {
  std::vector<std::string> out;
  for (const json::value& item : v.as_array() ? *v.as_array() : json::array{}) {
    if (!item.as_object()) continue;
    std::string role = text_in(*item.as_object(), "role");
    out.push_back(text_in(*item.as_object(), "name") + " (" + known_words(say, "role." + role, role) + ")");
  }
  return join(out, ", ");
}

std::string identifiers_text(const messages& say, const json::object& o) {
  std::vector<std::string> out;
  for (const auto& [scheme, value] : o.members()) {
    if (value.as_text()) out.push_back(known_words(say, "identifier." + scheme, scheme) + " " + *value.as_text());
  }
  return join(out, ", ");
}

std::string cover_text(const messages& say, const json::object& o) {
  return say.say("review.size", {{"width", number_in(o.find("width"))}, {"height", number_in(o.find("height"))}});
}

std::string plain_value(const messages& say, const std::string& field, const json::value& v) {
  if (const json::object* o = v.as_object()) {
    if (field == "series") return series_text(say, *o);
    return field == "cover" ? cover_text(say, *o) : identifiers_text(say, *o);
  }
  if (field == "narrators") return people_text(say, v);
  if (v.as_array()) {
    std::vector<std::string> items = texts_in(v);
    return field == "languages" ? languages_text(say, items) : join(items, ", ");
  }
  if (v.as_number()) return say.number(to_integer(v.as_number()->text).value_or(0));
  if (!v.as_text()) return "";
  if (field == "published") return date_text(say, *v.as_text());
  return field == "description" ? publication::sanitise(*v.as_text()).text : *v.as_text();
}

std::string percent_of(const visit& v, double confidence) { return percent_text(v.say, std::clamp(confidence, 0.0, 1.0)); }

const library::offer* offer_of(const library::candidate& c, const std::string& field) {
  auto found = std::find_if(c.offers.begin(), c.offers.end(), [&](const library::offer& o) { return o.field == field; });
  return found == c.offers.end() ? nullptr : &*found;
}

std::vector<std::string> why(const messages& say, const library::candidate& c) {
  std::vector<std::string> out;
  for (const std::string& reason : c.reasons) out.push_back(reason_words(say, reason));
  for (const auto& [name, value] : c.terms) {
    if (value >= 0 && value <= 1) out.push_back(known_words(say, "term." + name, name) + " " + percent_text(say, value));
  }
  return out;
}

view column_view(const visit& v, const library::candidate& c, std::size_t number) {
  view out;
  out.set("candidate", c.id.text()).set("column_name", source_words(v.say, c.source)).set("number", number);
  out.set("sure", v.say.say("review.sure", {{"percent", percent_of(v, c.confidence)}}));
  std::vector<view> reasons;
  for (const std::string& words : why(v.say, c)) {
    view one;
    one.set("reason", words);
    reasons.push_back(one);
  }
  out.set("reasons", reasons).set("page_href", c.url).set("fetched", moment(v.say, c.fetched_at));
  bool anything = std::any_of(c.offers.begin(), c.offers.end(), [](const library::offer& o) { return !o.same; });
  out.set("takeable", anything).set("rejectable", !library::is_local(c.source));
  return out;
}

// The picture of a cover cell; a cover that lies elsewhere has only its size.
void fill_cover(const visit& v, const uuid& book, const library::candidate& c, view& cell) {
  if (!c.cover) return;
  if (!c.cover->sha256.empty()) {
    cell.set("picture", v.href("/books/" + book.text() + "/covers/" + c.cover->sha256));
    return;
  }
  std::string width = std::to_string(c.cover->width), height = std::to_string(c.cover->height);
  bool known = c.cover->width > 0 && c.cover->height > 0;
  std::string size = known ? v.say.say("review.size", {{"width", width}, {"height", height}}) + " · " : "";
  cell.set("cell_none", false).set("cell_elsewhere", size + v.say.text("review.elsewhere"));
}

view cell_view(const visit& v, const uuid& book, const library::candidate& c, const std::string& field, std::size_t number) {
  const library::offer* o = offer_of(c, field);
  std::string value = o ? value_text(v.say, field, o->value) : "";
  std::string source = source_words(v.say, c.source), words = field_words(v.say, field);
  view out;
  out.set("number", number).set("cell_value", value).set("cell_candidate", c.id.text());
  out.set("cell_none", o == nullptr).set("cell_same", o && o->same).set("cell_pick", o && !o->same);
  out.set("picture", false).set("cell_elsewhere", false);
  out.set("cell_label", v.say.say("review.take", {{"value", value}, {"source", source}, {"field", words}}));
  if (field == "cover") fill_cover(v, book, c, out);
  return out;
}

view row_view(const visit& v, const uuid& book, const library::comparison& all, const library::field_now& f) {
  std::string value = value_text(v.say, f.name, f.value), words = field_words(v.say, f.name);
  view out;
  out.set("field", f.name).set("field_words", words).set("now_value", value).set("field_locked", f.locked);
  out.set("now_source", f.source.empty() ? "" : source_words(v.say, f.source));
  out.set("now_label", value.empty() ? v.say.say("review.keep_nothing", {{"field", words}})
                                     : v.say.say("review.keep", {{"value", value}, {"field", words}}));
  const json::object* cover = f.name == "cover" ? f.value.as_object() : nullptr;
  std::string version = cover ? text_in(*cover, "version") : "";
  out.set("now_picture", version.empty() ? "" : v.href("/covers/" + book.text() + "/300?v=" + version));
  std::vector<view> cells;
  bool choice = false;
  for (std::size_t i = 0; i < all.candidates.size(); ++i) {
    const library::offer* o = offer_of(all.candidates[i], f.name);
    choice = choice || (o && !o->same);
    cells.push_back(cell_view(v, book, all.candidates[i], f.name, i + 2));
  }
  out.set("cells", cells).set("choice", choice);
  return out;
}

bool is_said(const library::comparison& all, const library::field_now& f) {
  bool offered = std::any_of(all.candidates.begin(), all.candidates.end(), [&](const library::candidate& c) {
    return offer_of(c, f.name) != nullptr || (f.name == "cover" && c.cover);
  });
  return offered ||
         !(f.value.is_null() || json::dump(f.value) == "\"\"" || json::dump(f.value) == "[]" || json::dump(f.value) == "{}");
}

[[noreturn]] void no_choice() { throw http::problem{422, "This choice is not there any more.", "pick"}; }

uuid chosen(const std::string& text) {
  std::optional<uuid> id = uuid::parse(text);
  if (!id) no_choice();
  return *id;
}

}  // namespace

std::string field_words(const messages& say, const std::string& field) {
  return known_words(say, "field." + field, known_words(say, "review.field." + field, field));
}

std::string source_words(const messages& say, const std::string& source) {
  if (source.starts_with("custom:")) return source.substr(7);
  return known_words(say, "from." + (source.empty() ? "unknown" : source), source);
}

std::string reason_words(const messages& say, const std::string& reason) { return known_words(say, "reason." + reason, reason); }

std::string value_text(const messages& say, const std::string& field, const json::value& v, std::size_t most) {
  std::string out = plain_value(say, field, v);
  return out.size() <= most ? out : std::string(cut_utf8(out, most)) + "…";
}

void fill_comparison(const visit& v, const uuid& book, const library::comparison& all, view& out) {
  std::vector<view> columns, rows;
  for (std::size_t i = 0; i < all.candidates.size(); ++i) columns.push_back(column_view(v, all.candidates[i], i + 2));
  for (const library::field_now& f : all.fields) {
    if (is_said(all, f)) rows.push_back(row_view(v, book, all, f));
  }
  out.set("columns", columns).set("rows", rows).set("book", book.text());
}

choices choices_of(const http::form& form) {
  choices out;
  if (form.has("column")) {
    out.column = chosen(form.text("column"));
    return out;
  }
  for (const char* field : library::tracked_fields) {
    std::string from = form.text(std::string("pick.") + field);
    if (!from.empty()) out.picks.push_back({chosen(from), field});
  }
  return out;
}

}  // namespace carrel::web
