// `/trash`: what was put away, and the way back.

#include "web/trash.hpp"

#include "library/book.hpp"
#include "web/format.hpp"
#include "web/pages/bulk_pages.hpp"
#include "web/pages/curating.hpp"
#include "web/pages/pages.hpp"
#include "web/pages/parts.hpp"

namespace carrel::web {
namespace {

constexpr std::size_t page_size = 50;

int put_back(db::tx& tx, uuid viewer, uuid id, const library::actor& by) {
  if (!find_trashed(tx, viewer, id)) return 0;
  return library::untrash_books(tx, {id}, by);
}

}  // namespace

answer trash_page(const site& at, http::context& c) {
  visit v = co_await visit_of(at, c);
  v.need(library::capability::curate);
  std::optional<uuid> after = id_of(c.in.query("after"));
  std::vector<trashed_book> found = co_await at.with.pool.read(trashed_books, v.id(), after, static_cast<int>(page_size) + 1);

  bool more = found.size() > page_size;
  if (more) found.resize(page_size);
  std::vector<view> books;
  for (const trashed_book& b : found) {
    view one;
    one.set("book", b.id.text()).set("book_title", b.title).set("author", b.author).set("when", moment(v.say, b.at));
    one.set("until", due(v.say, b.at + std::chrono::days(at.with.settings.integer("trash.days"))));
    books.push_back(one);
  }
  view pages;
  pages.set("previous", "").set("next", more ? "?after=" + found.back().id.text() : std::string());
  view out;
  out.set("books", books).set("pager", pages).set("at_trash", true);
  co_return show(v, {v.say.text("nav.trash"), "trash"}, "trash", std::move(out));
}

answer book_trash(const site& at, http::context& c) {
  visit v = co_await visit_of(at, c);
  v.need(library::capability::curate);
  uuid id = id_param(c, "id");
  std::optional<library::book> book = co_await at.with.pool.read(library::find_book, v.id(), id);
  if (!book) not_here(v);
  std::vector<uuid> books{id};
  co_await at.with.pool.write(library::trash_books, books, v.actor());
  http::form form(c.in);
  std::string back = back_path(form, "/books");
  co_return done(v, back.starts_with("/books/") ? "/books" : back, "book.trashed", id.text());
}

answer book_untrash(const site& at, http::context& c) {
  visit v = co_await visit_of(at, c);
  v.need(library::capability::curate);
  uuid id = id_param(c, "id");
  int changed = co_await at.with.pool.write(put_back, v.id(), id, v.actor());
  if (changed == 0) not_here(v);
  http::form form(c.in);
  co_return done(v, way_back(form, id, "/books/" + id.text()), "book.restored", id.text());
}

}  // namespace carrel::web
