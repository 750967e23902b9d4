// `/books/{id}/edit`: fields by hand. What is edited is locked (product.md 3.5).

#include <algorithm>

#include "library/book.hpp"
#include "server/core/text.hpp"
#include "web/format.hpp"
#include "web/pages/pages.hpp"
#include "web/pages/parts.hpp"

namespace carrel::web {
namespace {

std::vector<std::string> lines_of(std::string_view text) {
  std::vector<std::string> out;
  for (const std::string& line : split(text, '\n')) {
    std::string_view plain = trim(line);
    if (!plain.empty()) out.emplace_back(plain);
  }
  return out;
}

std::vector<std::string> words_of(std::string_view text) {
  std::vector<std::string> out;
  for (std::string& word : split(text, ',')) {
    if (!word.empty()) out.push_back(std::move(word));
  }
  return out;
}

// Browsers send \r\n; what is stored has \n.
std::string plain_lines(std::string text) {
  text.erase(std::remove(text.begin(), text.end(), '\r'), text.end());
  return text;
}

json::value series_value(const http::form& form) {
  std::string name(trim(form.text("series")));
  if (name.empty()) return nullptr;
  json::object series{{"name", name}};
  std::string index(trim(form.text("series_index")));
  std::replace(index.begin(), index.end(), ',', '.');
  std::optional<double> number = to_double(index);
  if (number) series.set("index", *number);
  if (!number && !index.empty()) series.set("index", index);
  return series;
}

json::object identifiers_value(const std::string& text) {
  json::object out;
  for (const std::string& line : lines_of(text)) {
    std::size_t colon = line.find(':');
    std::string name = lower_ascii(trim(std::string_view(line).substr(0, colon)));
    out.set(name, colon == std::string::npos ? std::string() : std::string(trim(std::string_view(line).substr(colon + 1))));
  }
  return out;
}

// Only fields that the form holds and that differ from the book: equal ones must not be locked.
json::object changes_of(const http::form& form, const library::book& b) {
  json::object out;
  auto text = [&](const char* name, const std::string& now) {
    std::string value = plain_lines(form.text(name));
    if (form.has(name) && trim(value) != now) out.set(name, std::string(trim(value)));
  };
  text("title", b.title);
  text("subtitle", b.subtitle);
  text("title_sort", b.title_sort);
  text("publisher", b.publisher);
  text("published", b.published_on);
  text("description", b.description);
  std::vector<std::string> authors, tags;
  for (const library::person& p : b.authors) authors.push_back(p.name);
  for (const library::tag& t : b.tags) tags.push_back(t.name);
  auto list = [&](const char* name, const std::vector<std::string>& now, const std::vector<std::string>& value) {
    if (form.has(name) && value != now) out.set(name, value);
  };
  list("authors", authors, lines_of(form.text("authors")));
  list("languages", b.languages, words_of(form.text("languages")));
  list("genres", b.genres, words_of(form.text("genres")));
  list("tags", tags, words_of(form.text("tags")));
  bool same_series = trim(form.text("series")) == b.series && trim(form.text("series_index")) == index_text(b);
  if (form.has("series") && !same_series) out.set("series", series_value(form));
  json::object known;
  for (const auto& [name, value] : b.identifiers) known.set(name, value);
  json::object identifiers = identifiers_value(form.text("identifiers"));
  if (form.has("identifiers") && json::dump(known) != json::dump(identifiers)) out.set("identifiers", identifiers);
  std::string pages(trim(form.text("page_count")));
  if (form.has("page_count") && pages != (b.page_count ? std::to_string(*b.page_count) : "")) {
    std::optional<std::int64_t> number = to_integer(pages);
    out.set("page_count", number ? json::value(*number) : pages.empty() ? json::value() : json::value(pages));
  }
  return out;
}

void field(const visit& v, view& out, const library::book& b, const std::string& name, const std::string& value) {
  bool locked = std::find(b.locked_fields.begin(), b.locked_fields.end(), name) != b.locked_fields.end();
  out.set("f_" + name, value).set("lock_" + name, locked ? v.say.text("edit.locked") : "");
}

std::string lines(const std::vector<std::string>& items) { return join(items, "\n"); }

void fill_fields(const visit& v, const library::book& b, view& out) {
  std::vector<std::string> authors, tags, identifiers;
  for (const library::person& p : b.authors) authors.push_back(p.name);
  for (const library::tag& t : b.tags) tags.push_back(t.name);
  for (const auto& [name, value] : b.identifiers) identifiers.push_back(name + ": " + value);
  field(v, out, b, "title", b.title);
  field(v, out, b, "subtitle", b.subtitle);
  field(v, out, b, "title_sort", b.title_sort);
  field(v, out, b, "authors", lines(authors));
  field(v, out, b, "series", b.series);
  out.set("f_series_index", index_text(b));
  field(v, out, b, "languages", join(b.languages, ", "));
  field(v, out, b, "identifiers", lines(identifiers));
  field(v, out, b, "publisher", b.publisher);
  field(v, out, b, "published", b.published_on);
  field(v, out, b, "genres", join(b.genres, ", "));
  field(v, out, b, "tags", join(tags, ", "));
  field(v, out, b, "page_count", b.page_count ? std::to_string(*b.page_count) : "");
  field(v, out, b, "description", b.description);
}

// What the person typed, so that nothing is lost when a field was wrong.
void keep_typed(const http::form& form, view& out) {
  for (const char* name : {"title", "subtitle", "title_sort", "authors", "series", "series_index", "languages", "identifiers",
                           "publisher", "published", "genres", "tags", "page_count", "description"}) {
    if (form.has(name)) out.set(std::string("f_") + name, form.text(name));
  }
}

http::response edit_form(const visit& v, const library::book& b, const http::form* typed, const form_errors& wrong) {
  view out;
  out.set("book", b.id.text()).set("heading", b.title);
  fill_fields(v, b, out);
  if (typed) keep_typed(*typed, out);
  wrong.fill(out);
  return show(v, {v.say.say("edit.title", {{"title", b.title}}), "library"}, "book_edit", std::move(out),
              wrong.empty() ? 200 : 422);
}

}  // namespace

answer book_edit_page(const site& at, http::context& c) {
  visit v = co_await visit_of(at, c);
  v.need(library::capability::curate);
  uuid id = id_param(c, "id");
  std::optional<library::book> book = co_await at.with.pool.read(library::find_book, v.id(), id);
  if (!book) not_here(v);
  co_return edit_form(v, *book, nullptr, {});
}

answer book_edit(const site& at, http::context& c) {
  visit v = co_await visit_of(at, c);
  v.need(library::capability::curate);
  uuid id = id_param(c, "id");
  http::form form(c.in);
  std::optional<library::book> book = co_await at.with.pool.read(library::find_book, v.id(), id);
  if (!book) not_here(v);
  json::object changes = changes_of(form, *book);
  if (changes.empty()) co_return http::redirect(v.href("/books/" + id.text()));

  result<bool> edited = co_await at.with.pool.write(library::edit_book, id, changes, v.actor());
  if (!edited) {
    form_errors wrong;
    std::string name = edited.error().field.substr(0, edited.error().field.find('.'));
    wrong.add(name, v.say.say("edit.wrong", {{"field", name}, {"reason", edited.error().reason}}));
    co_return edit_form(v, *book, &form, wrong);
  }
  co_return done(v, "/books/" + id.text(), "book.edited", id.text());
}

answer book_undo_edit(const site& at, http::context& c) {
  visit v = co_await visit_of(at, c);
  v.need(library::capability::curate);
  uuid id = id_param(c, "id");
  bool undone = co_await at.with.pool.write(library::undo_edit, id, v.actor());
  if (!undone) not_here(v);
  co_return done(v, "/books/" + id.text(), "undone");
}

}  // namespace carrel::web
