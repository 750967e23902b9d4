// `/review`: what waits for its place in the library.

#include "library/catalog.hpp"
#include "web/format.hpp"
#include "web/pages/pages.hpp"
#include "web/pages/parts.hpp"

namespace carrel::web {
namespace {

library::page browse_list(db::tx& tx, uuid viewer, const library::list& which, const library::cursor& at) {
  return library::browse(tx, viewer, which, at, 50);
}

}  // namespace

answer review_page(const site& at, http::context& c) {
  visit v = co_await visit_of(at, c);
  v.need(library::capability::curate);
  library::list which;
  which.what = library::list::of::waiting;
  library::cursor from = cursor_of(c.in, which.token_name());
  library::page found = co_await at.with.pool.snapshot(browse_list, v.id(), which, from);
  std::vector<view> books;
  for (const library::book& b : found.books) {
    view one = card(v.say, b);
    one.set("size", b.files.empty() ? "" : size_text(v.say, b.files.front().size))
        .set("doubtful", b.possible_duplicate_of.has_value());
    one.set("duplicate_href", b.possible_duplicate_of ? v.href("/books/" + b.possible_duplicate_of->text()) : "");
    books.push_back(one);
  }
  view out;
  out.set("books", books).set("pager", pager(c.in, which.token_name(), found.previous, found.next));
  co_return show(v, {v.say.text("nav.inbox"), "inbox"}, "review", std::move(out));
}

}  // namespace carrel::web
