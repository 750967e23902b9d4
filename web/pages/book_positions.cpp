// Restoring an earlier place in a book, and deleting one.

#include "library/position.hpp"
#include "library/position_remove.hpp"
#include "web/pages/pages.hpp"
#include "web/pages/parts.hpp"

namespace carrel::web {
namespace {

struct restored {
  bool found = false;
  std::optional<uuid> before;  // the row that was current, for the undo
};

restored restore_row(db::tx& tx, uuid user, uuid book, uuid row) {
  restored out;
  for (const library::position_row& p : library::positions_of_book(tx, user, book, 1000)) {
    if (p.current && !out.before) out.before = p.id;
    out.found = out.found || p.id == row;
  }
  out.found = out.found && library::restore_position(tx, user, row).has_value();
  return out;
}

}  // namespace

answer book_restore_position(const site& at, http::context& c) {
  visit v = co_await visit_of(at, c);
  uuid book = id_param(c, "id");
  uuid row = id_param(c, "row");
  restored r = co_await at.with.pool.write(restore_row, v.id(), book, row);
  if (!r.found) not_here(v);
  places_changed(at);
  std::string before = r.before ? r.before->text() : "";
  co_return done(v, "/books/" + book.text() + "#positions", "position.restored", book.text(), before);
}

answer book_undo_position(const site& at, http::context& c) {
  visit v = co_await visit_of(at, c);
  uuid book = id_param(c, "id");
  http::form form(c.in);
  std::optional<uuid> row = id_of(form.text("row"));
  if (!row) not_here(v);
  restored r = co_await at.with.pool.write(restore_row, v.id(), book, *row);
  if (!r.found) not_here(v);
  places_changed(at);
  co_return done(v, "/books/" + book.text() + "#positions", "undone");
}

answer book_remove_position(const site& at, http::context& c) {
  visit v = co_await visit_of(at, c);
  uuid book = id_param(c, "id"), row = id_param(c, "row");
  bool removed = co_await at.with.pool.write(library::remove_position, v.id(), book, row);
  if (!removed) not_here(v);
  co_return done(v, "/books/" + book.text() + "#positions", "position.removed", book.text(), row.text());
}

answer book_bring_back_position(const site& at, http::context& c) {
  visit v = co_await visit_of(at, c);
  uuid book = id_param(c, "id");
  http::form form(c.in);
  std::optional<uuid> row = id_of(form.text("row"));
  if (!row) not_here(v);
  bool back = co_await at.with.pool.write(library::bring_back_position, v.id(), book, *row);
  if (!back) not_here(v);
  co_return done(v, "/books/" + book.text() + "#positions", "undone");
}

}  // namespace carrel::web
