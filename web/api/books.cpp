#include "library/book.hpp"

#include <algorithm>

#include "library/catalog.hpp"
#include "web/api/call.hpp"

namespace carrel::web {
namespace {

library::filter filter_of(const http::request& in) {
  library::filter f;
  f.status = in.query("status").value_or("");
  if (!f.status.empty() && f.status != "inbox" && f.status != "review" && f.status != "organized") {
    throw http::problem{400, "status is inbox, review or organized.", "status"};
  }
  f.text = in.query("q").value_or("");
  f.language = in.query("language").value_or("");
  f.format = in.query("format").value_or("");
  for (auto [name, into] :
       {std::pair{"shelf", &f.shelf}, std::pair{"author", &f.person}, std::pair{"series", &f.series}, std::pair{"tag", &f.tag}}) {
    std::optional<std::string> text = in.query(name);
    *into = id_of(text);
    if (text && !text->empty() && !*into) throw http::problem{400, std::string(name) + " is no id.", name};
  }
  std::string sort = in.query("sort").value_or("new");
  if (sort == "title")
    f.order = library::list::of::title;
  else if (sort == "author")
    f.order = library::list::of::author;
  else if (sort != "new")
    throw http::problem{400, "sort is new, title or author.", "sort"};
  return f;
}

library::cursor after_of(const http::request& in, const library::filter& f) {
  std::string token = in.query("after").value_or("");
  if (token.empty()) return {};
  std::optional<library::cursor> at = library::from_token(token, f.token_name(), library::cursor::side::after);
  if (!at) throw http::problem{400, "after is not a token of this list.", "cursor"};
  return *at;
}

library::page browse_filter(db::tx& tx, uuid viewer, const library::filter& f, const library::cursor& at, int limit) {
  return library::browse(tx, viewer, f, at, limit);
}

}  // namespace

answer list_books(const site& at, http::context& c) {
  caller who = co_await caller_of(at, c);
  library::filter f = filter_of(c.in);
  library::cursor from = after_of(c.in, f);
  int limit = limit_of(c.in);
  library::page page = co_await at.with.pool.snapshot(browse_filter, who.id(), f, from, limit);
  json::array items;
  for (const library::book& b : page.books) items.push_back(library::to_json(b, books_base(at, c.in)));
  co_return json_list(std::move(items), page.next ? library::to_token(*page.next, f.token_name()) : std::string());
}

answer get_book(const site& at, http::context& c) {
  caller who = co_await caller_of(at, c);
  uuid id = id_param(c, "id");
  std::optional<library::book> book = co_await at.with.pool.read(library::find_book, who.id(), id);
  if (!book) not_there();
  co_return json_object(library::to_json(*book, books_base(at, c.in)));
}

answer patch_book(const site& at, http::context& c) {
  caller who = co_await caller_of(at, c);
  who.need(library::capability::curate);
  uuid id = id_param(c, "id");
  json::object changes = body_of(c);
  std::optional<library::book> book = co_await at.with.pool.read(library::find_book, who.id(), id);
  if (!book) not_there();
  result<bool> edited = co_await at.with.pool.write(library::edit_book, id, changes, who.actor());
  if (!edited) invalid(edited.error().message());
  book = co_await at.with.pool.read(library::find_book, who.id(), id);
  if (!book) not_there();
  co_return json_object(library::to_json(*book, books_base(at, c.in)));
}

answer delete_book(const site& at, http::context& c) {
  caller who = co_await caller_of(at, c);
  who.need(library::capability::curate);
  uuid id = id_param(c, "id");
  std::optional<library::book> book = co_await at.with.pool.read(library::find_book, who.id(), id);
  if (!book) not_there();
  std::vector<uuid> books{id};
  co_await at.with.pool.write(library::trash_books, books, who.actor());
  co_return http::empty(204);
}

}  // namespace carrel::web
