#include "library/shelf.hpp"

#include <algorithm>
#include <array>

#include "library/book.hpp"
#include "web/api/call.hpp"

namespace carrel::web {
namespace {

json::object shelf_json(const library::shelf& s) {
  return {{"id", s.id},     {"name", s.name},     {"kind", s.kind},   {"owner", s.user_name},       {"collection", s.collection},
          {"opds", s.opds}, {"shared", s.shared}, {"count", s.count}, {"created_at", s.created_at}, {"updated_at", s.updated_at}};
}

constexpr std::array<std::string_view, 4> changeable{"name", "collection", "opds", "shared"};

struct shelf_and_books {
  std::optional<library::shelf> shelf;
  std::vector<uuid> books;
};

shelf_and_books load_shelf_books(db::tx& tx, uuid viewer, uuid id) {
  shelf_and_books out;
  out.shelf = library::find_shelf(tx, viewer, id);
  if (out.shelf) out.books = library::shelf_books(tx, viewer, id);
  return out;
}

bool own_shelf(db::tx& tx, const uuid& user, const uuid& id) {
  std::optional<library::shelf> found = library::find_shelf(tx, user, id);
  return found && found->user_id == user;
}

bool put_book(db::tx& tx, uuid user, uuid shelf, uuid book) {
  if (!own_shelf(tx, user, shelf) || !library::find_book(tx, user, book)) return false;
  library::add_to_shelf(tx, user, shelf, {book});
  return true;
}

bool take_book(db::tx& tx, uuid user, uuid shelf, uuid book) {
  if (!own_shelf(tx, user, shelf) || !library::find_book(tx, user, book)) return false;
  library::remove_from_shelf(tx, user, shelf, {book});
  return true;
}

template <class T>
std::optional<T> member(const json::object& body, std::string_view name) {
  const json::value* v = body.find(name);
  if (!v) return std::nullopt;
  T out{};
  if (!body.take(name, out)) invalid(std::string(name) + ": is of another type");
  return out;
}

}  // namespace

answer list_shelves(const site& at, http::context& c) {
  caller who = co_await caller_of(at, c);
  std::vector<library::shelf> all = co_await at.with.pool.read(library::shelves, who.id());
  slice part = slice_of(c.in, "shelves", all.size());
  json::array items;
  for (std::size_t i = 0; i < part.count; ++i) items.push_back(shelf_json(all[part.first + i]));
  co_return json_list(std::move(items), part.next);
}

answer post_shelf(const site& at, http::context& c) {
  caller who = co_await caller_of(at, c);
  who.need(library::capability::shelve);
  json::object body = body_of(c);
  std::optional<std::string> name = member<std::string>(body, "name");
  bool collection = member<bool>(body, "collection").value_or(true);
  if (!name) invalid("name: is missing");
  try {
    result<library::shelf> made = co_await at.with.pool.write(library::create_shelf, who.id(), *name, collection);
    if (!made) invalid(made.error().message());
    co_return json_object(shelf_json(*made), 201);
  } catch (const db::unique_violation&) {
    throw http::problem{409, "You have a shelf of that name already.", "name_taken"};
  }
}

answer get_shelf(const site& at, http::context& c) {
  caller who = co_await caller_of(at, c);
  uuid id = id_param(c, "id");
  shelf_and_books found = co_await at.with.pool.snapshot(load_shelf_books, who.id(), id);
  if (!found.shelf) not_there();
  json::object out = shelf_json(*found.shelf);
  out.set("books", found.books);
  co_return json_object(out);
}

answer patch_shelf(const site& at, http::context& c) {
  caller who = co_await caller_of(at, c);
  who.need(library::capability::shelve);
  uuid id = id_param(c, "id");
  json::object body = body_of(c);
  for (const auto& [field, value] : body.members()) {
    if (std::find(changeable.begin(), changeable.end(), field) == changeable.end())
      invalid(field + ": is not a field of a shelf that can be set");
  }
  library::shelf_change change;
  change.name = member<std::string>(body, "name");
  change.collection = member<bool>(body, "collection");
  change.opds = member<bool>(body, "opds");
  change.shared = member<bool>(body, "shared");
  bool mine = co_await at.with.pool.read(own_shelf, who.id(), id);
  if (!mine) not_there();
  try {
    result<bool> changed = co_await at.with.pool.write(library::change_shelf, who.id(), id, change);
    if (!changed) invalid(changed.error().message());
    co_return http::empty(204);
  } catch (const db::unique_violation&) {
    throw http::problem{409, "You have a shelf of that name already.", "name_taken"};
  }
}

answer delete_shelf(const site& at, http::context& c) {
  caller who = co_await caller_of(at, c);
  who.need(library::capability::shelve);
  uuid id = id_param(c, "id");
  bool gone = co_await at.with.pool.write(library::delete_shelf, who.id(), id);
  if (!gone) not_there();
  co_return http::empty(204);
}

answer put_shelf_book(const site& at, http::context& c) {
  caller who = co_await caller_of(at, c);
  who.need(library::capability::shelve);
  uuid shelf = id_param(c, "id"), book = id_param(c, "book");
  bool there = co_await at.with.pool.write(put_book, who.id(), shelf, book);
  if (!there) not_there();
  co_return http::empty(204);
}

answer delete_shelf_book(const site& at, http::context& c) {
  caller who = co_await caller_of(at, c);
  who.need(library::capability::shelve);
  uuid shelf = id_param(c, "id"), book = id_param(c, "book");
  bool there = co_await at.with.pool.write(take_book, who.id(), shelf, book);
  if (!there) not_there();
  co_return http::empty(204);
}

}  // namespace carrel::web
