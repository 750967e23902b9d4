// `/books/{id}/edit`: fields by hand. What is edited is locked (product.md 3.5).

#include <algorithm>

#include "library/book.hpp"
#include "web/format.hpp"
#include "web/pages/book_form.hpp"
#include "web/pages/pages.hpp"
#include "web/pages/parts.hpp"

namespace carrel::web {
namespace {

void field(const visit& v, view& out, const library::book& b, const std::string& name, const std::string& value) {
  bool locked = std::find(b.locked_fields.begin(), b.locked_fields.end(), name) != b.locked_fields.end();
  out.set("f_" + name, value).set("lock_" + name, locked ? v.say.text("edit.locked") : "");
}

void fill_fields(const visit& v, const library::book& b, view& out) {
  for (const char* name : {"title", "subtitle", "title_sort", "authors", "series", "languages", "identifiers", "publisher",
                           "published", "genres", "tags", "page_count", "description"})
    field(v, out, b, name, form_text(b, name));
  out.set("f_series_index", index_text(b));
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
  form_errors wrong;
  if (unnamed_identifier(form.text("identifiers"))) {
    wrong.add("identifiers", wrong_words(v, "identifiers", v.say.text("edit.wrong.identifier_line")));
    co_return edit_form(v, *book, &form, wrong);
  }
  json::object changes = changes_of(form, *book);
  if (changes.empty()) co_return http::redirect(v.href("/books/" + id.text()));

  result<bool> edited = co_await at.with.pool.write(library::edit_book, id, changes, v.actor());
  if (!edited) {
    std::string name = edited.error().field.substr(0, edited.error().field.find('.'));
    wrong.add(name, wrong_words(v, name, reason_text(v.say, edited.error().reason)));
    co_return edit_form(v, *book, &form, wrong);
  }
  co_return done(v, "/books/" + id.text(), "book.edited", id.text());
}

answer book_undo_edit(const site& at, http::context& c) {
  visit v = co_await visit_of(at, c);
  v.need(library::capability::curate);
  uuid id = id_param(c, "id");
  http::form form(c.in);
  bool undone = co_await at.with.pool.write(library::undo_edit, id, v.actor());
  if (!undone) not_here(v);
  co_return done(v, back_path(form, "/books/" + id.text()), "undone");
}

}  // namespace carrel::web
