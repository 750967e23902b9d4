#include "library/book.hpp"

#include <algorithm>

#include "library/catalog_details.hpp"
#include "library/merge.hpp"
#include "library/opinion.hpp"
#include "library/rule_work.hpp"
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
  f.state = in.query("state").value_or("");
  if (!f.state.empty() && !publication::reading_state_named(f.state))
    throw http::problem{400, "state is unread, wanted, reading, read or abandoned.", "state"};
  std::optional<int> rating = publication::halves_of_stars(in.query("rating").value_or(""));
  if (!rating) throw http::problem{400, "rating is a number of stars up to 5.", "rating"};
  f.rating = *rating;
  for (const char* name : library::detail_names) {
    if (!library::set_detail(f, name, in.query(name).value_or("")))
      throw http::problem{400, std::string(name) + " cannot be read.", name};
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

// The address of a book that was merged answers with what it has become.
std::optional<library::book> find_or_survivor(db::tx& tx, uuid viewer, uuid id) {
  std::optional<library::book> out = library::find_book(tx, viewer, id);
  if (out) return out;
  std::optional<uuid> survivor = library::survivor_of(tx, viewer, id);
  return survivor ? library::find_book(tx, viewer, *survivor) : std::nullopt;
}

// Books, and what the caller thinks of them.
struct marked_books {
  std::vector<library::book> books;
  std::optional<library::cursor> next;
  library::book_marks marks;
};

marked_books mark(db::tx& tx, const uuid& viewer, library::page page) {
  std::vector<uuid> ids;
  for (const library::book& b : page.books) ids.push_back(b.id);
  return {std::move(page.books), std::move(page.next), library::marks_of(tx, viewer, ids)};
}

marked_books browse_filter(db::tx& tx, uuid viewer, const library::filter& f, const library::cursor& at, int limit) {
  return mark(tx, viewer, library::browse(tx, viewer, f, at, limit));
}

marked_books find_marked(db::tx& tx, uuid viewer, uuid id) {
  library::page one;
  if (std::optional<library::book> book = find_or_survivor(tx, viewer, id)) one.books.push_back(std::move(*book));
  return mark(tx, viewer, std::move(one));
}

json::object book_json(const library::book& b, const library::book_marks& marks, const std::string& base) {
  json::object out = library::to_json(b, base);
  return out.set("reading", library::to_json(library::mark_of(marks, b.id)));
}

}  // namespace

answer list_books(const site& at, http::context& c) {
  caller who = co_await caller_of(at, c);
  library::filter f = filter_of(c.in);
  library::cursor from = after_of(c.in, f);
  int limit = limit_of(c.in);
  if (f.shelf) co_await library::rules_up_to_date(at.with.pool, who.id());
  marked_books page = co_await at.with.pool.snapshot(browse_filter, who.id(), f, from, limit);
  json::array items;
  for (const library::book& b : page.books) items.push_back(book_json(b, page.marks, books_base(at, c.in)));
  co_return json_list(std::move(items), page.next ? library::to_token(*page.next, f.token_name()) : std::string());
}

answer book_object(const caller& who, uuid id) {
  marked_books found = co_await who.at.with.pool.snapshot(find_marked, who.id(), id);
  if (found.books.empty()) not_there();
  co_return json_object(book_json(found.books.front(), found.marks, books_base(who.at, who.c.in)));
}

answer get_book(const site& at, http::context& c) {
  caller who = co_await caller_of(at, c);
  uuid id = id_param(c, "id");
  co_return co_await book_object(who, id);
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
  co_return co_await book_object(who, id);
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
