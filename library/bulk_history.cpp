// What a field was before a run changed it, and the way back.
#include <algorithm>

#include "library/bulk_parts.hpp"
#include "library/revision.hpp"
#include "library/storable.hpp"
#include "publication/sanitise.hpp"
#include "server/core/text.hpp"

namespace carrel::library {
namespace {

constexpr db::statement sql_marks{"library.bulk_marks", "select locked_fields, field_sources::text from books where id = $1"};
constexpr db::statement sql_set_marks{"library.bulk_set_marks", R"sql(
  update books set locked_fields = $2::text[], field_sources = $3::jsonb where id = $1)sql"};

json::array people_of(const std::vector<publication::person>& people) {
  json::array out;
  for (const publication::person& p : people) out.push_back(json::object{{"name", p.name}, {"sort", p.sort}});
  return out;
}

// What its value alone does not say.
json::value exact_of(const book_fields& f, const std::string& field) {
  if (field == "title") return json::object{{"title", f.title}, {"title_sort", f.title_sort}};
  if (field == "authors") return people_of(f.authors);
  if (field == "series" && !f.series.empty())
    return json::object{{"name", f.series}, {"index", f.series_index}, {"index_text", f.series_index_text}};
  if (field == "page_count") return json::object{{"count", f.page_count}, {"source", f.page_count_source}};
  return field_value(f, field);
}

std::vector<publication::person> people_from(const json::value& v) {
  std::vector<publication::person> out;
  if (v.as_array() == nullptr) return out;
  for (const json::value& item : *v.as_array()) {
    publication::person p;
    if (item.as_object() == nullptr) continue;
    item.as_object()->take("name", p.name);
    item.as_object()->take("sort", p.sort);
    out.push_back(std::move(p));
  }
  return out;
}

void restore_series(book_fields& f, const json::object* o) {
  f.series.clear();
  f.series_index.reset();
  f.series_index_text.clear();
  if (o == nullptr) return;
  double index = 0;
  o->take("name", f.series);
  o->take("index_text", f.series_index_text);
  if (o->take("index", index)) f.series_index = index;
}

std::optional<int> number_in(const json::value& v) {
  std::optional<std::int64_t> n = v.as_number() != nullptr ? to_integer(v.as_number()->text) : std::nullopt;
  return n ? std::optional(static_cast<int>(*n)) : std::nullopt;
}

void restore_pages(book_fields& f, const json::object& o) {
  const json::value* count = o.find("count");
  f.page_count = count != nullptr ? number_in(*count) : std::nullopt;
  f.page_count_source.clear();
  o.take("source", f.page_count_source);
}

void restore_identifiers(book_fields& f, const json::object& o) {
  f.identifiers.clear();
  for (const auto& [scheme, value] : o.members()) {
    if (value.as_text() != nullptr) f.identifiers.emplace_back(scheme, *value.as_text());
  }
}

void restore_title(book_fields& f, const json::object& o, bool with_order) {
  o.take("title", f.title);
  if (with_order) o.take("title_sort", f.title_sort);
}

std::string* text_field(book_fields& f, const std::string& field) {
  if (field == "subtitle") return &f.subtitle;
  if (field == "title_sort") return &f.title_sort;
  if (field == "publisher") return &f.publisher;
  if (field == "published") return &f.published_on;
  return field == "description" ? &f.description : nullptr;
}

std::vector<std::string>* list_field(book_fields& f, const std::string& field) {
  if (field == "languages") return &f.languages;
  if (field == "genres") return &f.genres;
  return field == "tags" ? &f.tags : nullptr;
}

std::vector<std::string> texts_in(const json::value& v) {
  std::vector<std::string> out;
  json::object{{"list", v}}.take("list", out);
  return out;
}

// Without the rules for what people type: what was there before may have come from elsewhere.
void restore_value(book_fields& f, const std::string& field, const json::value& exact, bool with_order) {
  static const json::object none;
  const json::object& o = exact.as_object() != nullptr ? *exact.as_object() : none;
  if (std::string* text = text_field(f, field)) *text = exact.as_text() != nullptr ? *exact.as_text() : "";
  if (std::vector<std::string>* list = list_field(f, field)) *list = texts_in(exact);
  if (field == "title") restore_title(f, o, with_order);
  if (field == "authors") f.authors = people_from(exact);
  if (field == "series") restore_series(f, exact.as_object());
  if (field == "identifiers") restore_identifiers(f, o);
  if (field == "page_count") restore_pages(f, o);
  if (field == "age_rating") f.age_rating = number_in(exact);
  if (field == "description") f.description_text = publication::sanitise(f.description).text;
}

bool is_locked(const book_marks& marks, std::string_view field) {
  return std::find(marks.locked.begin(), marks.locked.end(), field) != marks.locked.end();
}

void restore_marks(book_marks& marks, const held_field& h) {
  bool locked = false;
  std::string source;
  h.before.take("locked", locked);
  h.before.take("source", source);
  std::erase(marks.locked, h.field);
  if (locked) marks.locked.push_back(h.field);
  json::object others;
  for (const auto& [name, value] : marks.sources.members()) {
    if (name != h.field) others.set(name, value);
  }
  if (!source.empty()) others.set(h.field, source);
  marks.sources = std::move(others);
}

bool same_names(const json::value& a, const json::value& b) {
  if (a.as_array() == nullptr || b.as_array() == nullptr) return false;
  auto same = [](const json::value& x, const json::value& y) {
    return x.as_text() != nullptr && y.as_text() != nullptr && key_of_name(*x.as_text()) == key_of_name(*y.as_text());
  };
  return std::equal(a.as_array()->begin(), a.as_array()->end(), b.as_array()->begin(), b.as_array()->end(), same);
}

bool same_series(const json::value& a, const json::value& b) {
  std::string one, other;
  if (a.as_object() == nullptr || b.as_object() == nullptr) return means_the_same(a, b);
  a.as_object()->take("name", one);
  b.as_object()->take("name", other);
  json::object with_same_name = *a.as_object();
  with_same_name.set("name", other);
  return key_of_name(one) == key_of_name(other) && means_the_same(with_same_name, b);
}

}  // namespace

bool same_field_value(const std::string& field, const json::value& a, const json::value& b) {
  if (field == "authors") return same_names(a, b);
  return field == "series" ? same_series(a, b) : means_the_same(a, b);
}

std::optional<book_marks> marks_of(db::tx& tx, const uuid& book) {
  db::rows rows = tx.run(sql_marks, book);
  if (rows.empty()) return std::nullopt;
  return book_marks{.locked = rows[0].texts(0), .sources = json::read_object(rows[0].view(1)).value()};
}

json::object remembered(const book_fields& f, const book_marks& marks, const std::string& field) {
  std::string source;
  marks.sources.take(field, source);
  return {{"exact", exact_of(f, field)}, {"source", source}, {"locked", is_locked(marks, field)}};
}

void restore_fields(db::tx& tx, const uuid& book, const std::vector<held_field>& held, const actor& who) {
  std::optional<book_fields> now = read_fields(tx, book);
  std::optional<book_marks> marks = marks_of(tx, book);
  CARREL_EXPECT(now && marks);
  book_fields back = *now;
  json::object detail;
  for (const held_field& h : held) {
    const json::value* exact = h.before.find("exact");
    // The order of a title follows from it, unless somebody has chosen another one.
    restore_value(back, h.field, exact != nullptr ? *exact : json::value(), !is_locked(*marks, "title_sort"));
    restore_marks(*marks, h);
  }
  for (const held_field& h : held)
    detail.set(h.field, json::object{{"before", field_value(*now, h.field)}, {"after", field_value(back, h.field)}});
  write_fields(tx, book, back);
  std::sort(marks->locked.begin(), marks->locked.end());
  tx.run(sql_set_marks, book, marks->locked, jsonb_text(marks->sources));
  record(tx, who, "book.undo", "book", book, detail);
  bump_revision(tx);
}

}  // namespace carrel::library
