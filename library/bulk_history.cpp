// What a field was before a run changed it, and the way back.
#include <algorithm>

#include "library/book_names.hpp"
#include "library/book_record.hpp"
#include "library/bulk_parts.hpp"

namespace carrel::library {
namespace {

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

json::object remembered(const book_record& r, const std::string& field) {
  json::object out = state_of(r, field);
  // The order of a title follows from it, unless somebody has chosen another one.
  if (field == "title") out.set("title_sort", r.fields.title_sort);
  return out;
}

void restore_fields(db::tx& tx, const uuid& book, const std::vector<held_field>& held, const actor& who) {
  std::optional<book_record> now = read_record(tx, book);
  CARREL_EXPECT(now.has_value());
  book_record back = *now;
  json::object detail;
  for (const held_field& h : held) {
    restore_field(tx, back, h.field, h.before);
    if (h.field == "title" && !now->is_locked("title_sort")) h.before.take("title_sort", back.fields.title_sort);
  }
  for (const held_field& h : held)
    detail.set(h.field, json::object{{"before", value_of(*now, h.field)}, {"after", value_of(back, h.field)}});
  respell_names(tx, now->fields, back.fields);
  write_record(tx, book, *now, std::move(back), who);
  record(tx, who, "book.undo", "book", book, detail);
}

}  // namespace carrel::library
