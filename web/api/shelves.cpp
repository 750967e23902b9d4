#include "library/shelf.hpp"

#include <algorithm>
#include <array>

#include "library/book.hpp"
#include "library/rule_shelf.hpp"
#include "library/rule_work.hpp"
#include "web/api/call.hpp"

namespace carrel::web {
namespace {

json::object shelf_json(const library::shelf& s) {
  return {{"id", s.id},     {"name", s.name},     {"kind", s.kind},   {"owner", s.user_name},       {"collection", s.collection},
          {"opds", s.opds}, {"shared", s.shared}, {"count", s.count}, {"created_at", s.created_at}, {"updated_at", s.updated_at}};
}

constexpr std::array<std::string_view, 5> changeable{"name", "collection", "opds", "shared", "rule"};
constexpr int most_previewed = 12;

struct shelf_and_books {
  std::optional<library::shelf> shelf;
  std::optional<library::rule> rule;
  std::vector<uuid> books;
};

shelf_and_books load_shelf_books(db::tx& tx, uuid viewer, uuid id) {
  shelf_and_books out;
  out.shelf = library::find_shelf(tx, viewer, id);
  if (out.shelf) out.books = library::shelf_books(tx, viewer, id);
  if (out.shelf) out.rule = library::rule_of(tx, viewer, id);
  return out;
}

bool own_shelf(db::tx& tx, const uuid& user, const uuid& id) {
  std::optional<library::shelf> found = library::find_shelf(tx, user, id);
  return found && found->user_id == user;
}

// Own, made by hand, and with a book that is seen.
bool can_be_filled(db::tx& tx, const uuid& user, const uuid& shelf, const uuid& book) {
  std::optional<library::shelf> found = library::find_shelf(tx, user, shelf);
  if (!found || found->user_id != user || !library::find_book(tx, user, book)) return false;
  if (found->kind != "hand") throw http::problem{409, "The shelf is filled by its rule.", "by_rule"};
  return true;
}

bool put_book(db::tx& tx, uuid user, uuid shelf, uuid book) {
  if (!can_be_filled(tx, user, shelf, book)) return false;
  library::add_to_shelf(tx, user, shelf, {book});
  return true;
}

bool take_book(db::tx& tx, uuid user, uuid shelf, uuid book) {
  if (!can_be_filled(tx, user, shelf, book)) return false;
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

// The rule of a body. Absent: nothing is said of it; null: the shelf shall have none.
struct said_rule {
  bool there = false;
  std::optional<library::rule> rule;
};
said_rule rule_in(const json::object& body) {
  const json::value* v = body.find("rule");
  if (!v) return {};
  if (v->is_null()) return {.there = true, .rule = std::nullopt};
  if (!v->as_object()) invalid("rule: is of another type");
  result<library::rule> r = library::read_rule(*v->as_object());
  if (!r) invalid("rule: " + r.error().message(), "rule");
  return {.there = true, .rule = std::move(*r)};
}

[[noreturn]] void refuse_rule(const error& e) {
  if (e.field == "cycle") throw http::problem{409, "The shelf would depend on itself.", "cycle"};
  if (e.field == "hand") throw http::problem{409, "Books were put on this shelf by hand.", "by_hand"};
  invalid("rule: " + e.message(), "rule");
}

// Both or neither: what is thrown takes back what was changed before.
struct refused_rule {
  error why;
};
struct whole_change {
  library::shelf_change shelf;
  said_rule rule;
};
result<bool> change_all(db::tx& tx, uuid user, uuid id, const whole_change& wish) {
  result<bool> changed = library::change_shelf(tx, user, id, wish.shelf);
  if (!changed || !wish.rule.there) return changed;
  result<bool> set = library::set_rule(tx, user, id, wish.rule.rule);
  if (!set) throw refused_rule{set.error()};
  return true;
}

result<library::shelf> create(db::tx& tx, uuid user, const std::string& name, bool collection, const said_rule& r) {
  if (r.rule) return library::create_rule_shelf(tx, user, name, collection, *r.rule);
  return library::create_shelf(tx, user, name, collection);
}

struct previewed {
  library::rule_preview found;
  std::vector<library::book> books;
};
previewed load_preview(db::tx& tx, uuid viewer, const library::rule& r) {
  previewed out;
  out.found = library::preview_rule(tx, viewer, r, most_previewed);
  out.books = library::load_books(tx, viewer, out.found.first);
  return out;
}

}  // namespace

answer list_shelves(const site& at, http::context& c) {
  caller who = co_await caller_of(at, c);
  co_await library::rules_up_to_date(at.with.pool, who.id());
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
  said_rule rule = rule_in(body);
  try {
    result<library::shelf> made = co_await at.with.pool.write(create, who.id(), *name, collection, rule);
    if (!made && made.error().field == "shelf") refuse_rule(made.error());
    if (!made) invalid(made.error().message());
    co_return json_object(shelf_json(*made), 201);
  } catch (const db::unique_violation&) {
    throw http::problem{409, "You have a shelf of that name already.", "name_taken"};
  }
}

answer get_shelf(const site& at, http::context& c) {
  caller who = co_await caller_of(at, c);
  uuid id = id_param(c, "id");
  co_await library::rules_up_to_date(at.with.pool, who.id());
  shelf_and_books found = co_await at.with.pool.snapshot(load_shelf_books, who.id(), id);
  if (!found.shelf) not_there();
  json::object out = shelf_json(*found.shelf);
  out.set("books", found.books);
  if (found.rule) out.set("rule", library::to_json(*found.rule));
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
  whole_change wish;
  wish.shelf.name = member<std::string>(body, "name");
  wish.shelf.collection = member<bool>(body, "collection");
  wish.shelf.opds = member<bool>(body, "opds");
  wish.shelf.shared = member<bool>(body, "shared");
  wish.rule = rule_in(body);
  bool mine = co_await at.with.pool.read(own_shelf, who.id(), id);
  if (!mine) not_there();
  try {
    result<bool> changed = co_await at.with.pool.write(change_all, who.id(), id, wish);
    if (!changed) invalid(changed.error().message());
    co_return http::empty(204);
  } catch (const refused_rule& r) {
    refuse_rule(r.why);
  } catch (const db::unique_violation&) {
    throw http::problem{409, "You have a shelf of that name already.", "name_taken"};
  }
}

answer preview_shelf(const site& at, http::context& c) {
  caller who = co_await caller_of(at, c);
  json::object body = body_of(c);
  said_rule said = rule_in(body);
  if (!said.rule) invalid("rule: is missing");
  library::rule rule = std::move(*said.rule);
  previewed found = co_await at.with.pool.snapshot(load_preview, who.id(), rule);
  std::string base = books_base(at, c.in);
  json::array books;
  for (const library::book& b : found.books) books.emplace_back(library::to_json(b, base));
  co_return json_object(json::object{{"count", found.found.count}, {"rule", library::to_json(rule)}, {"books", books}});
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
