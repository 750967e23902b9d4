#include "web/api/changes.hpp"

#include "library/book.hpp"
#include "library/candidate.hpp"
#include "library/change.hpp"

namespace carrel::web {
namespace {

json::object state_json(const library::field_state& s) {
  json::object out{{"value", s.value}};
  out.set("source", s.source.empty() ? json::value() : json::value(s.source)).set("locked", s.locked);
  return out;
}

json::object change_json(const library::change_group& g) {
  json::array fields;
  for (const library::field_change& c : g.fields) {
    json::object one{{"field", c.field}};
    one.set("before", state_json(c.before)).set("after", state_json(c.after)).set("candidate", c.candidate);
    fields.emplace_back(std::move(one));
  }
  json::object out{{"group", g.id}, {"at", g.at}, {"actor", g.actor}};
  out.set("undone", g.undone).set("undoes", g.undoes).set("fields", std::move(fields));
  return out;
}

struct history {
  bool visible = false;
  std::vector<library::change_group> groups;
};

history load_history(db::tx& tx, uuid viewer, uuid id, std::optional<uuid> after, int most) {
  history out;
  out.visible = library::find_book(tx, viewer, id).has_value();
  if (out.visible) out.groups = library::changes_of(tx, id, after, most);
  return out;
}

std::optional<uuid> after_of(const http::request& in) {
  std::optional<std::string> text = in.query("after");
  std::optional<uuid> after = id_of(text);
  if (text && !text->empty() && !after) throw http::problem{400, "after is not a token of this list.", "cursor"};
  return after;
}

struct application {
  std::optional<library::book> book;
  result<library::taken> done = library::taken{};
};

// No fields: everything.
application apply_visible(db::tx& tx, uuid viewer, uuid id, uuid candidate, const std::optional<std::vector<std::string>>& fields,
                          const library::actor& who) {
  application out;
  if (!library::find_book(tx, viewer, id)) return out;
  std::vector<library::pick> picks;
  for (const std::string& field : fields.value_or(std::vector<std::string>())) picks.push_back({candidate, field});
  out.done = fields ? library::take_fields(tx, id, picks, who) : library::take_all(tx, id, candidate, who);
  out.book = library::find_book(tx, viewer, id);
  return out;
}

std::optional<std::vector<std::string>> fields_of(const http::context& c) {
  if (c.in.body().empty()) return std::nullopt;
  json::object body = body_of(c);
  const json::value* given = body.find("fields");
  if (!given || given->is_null()) return std::nullopt;
  std::vector<std::string> out;
  if (!body.take("fields", out)) invalid("fields: must be a list of names");
  if (out.empty() || out.size() > library::tracked_fields.size()) invalid("fields: must name at least one field, each once");
  return out;
}

struct undoing {
  library::undo_outcome outcome = library::undo_outcome::unknown;
  std::optional<library::book> book;
};

undoing undo_visible(db::tx& tx, uuid viewer, uuid id, uuid group, const library::actor& who) {
  undoing out;
  if (!library::find_book(tx, viewer, id)) return out;
  out.outcome = library::undo_change(tx, id, group, who);
  out.book = library::find_book(tx, viewer, id);
  return out;
}

struct locking {
  bool visible = false;
  result<bool> changed = false;
};

locking lock_visible(db::tx& tx, uuid viewer, uuid id, const std::string& field, bool locked, const library::actor& who) {
  locking out;
  out.visible = library::find_book(tx, viewer, id).has_value();
  if (out.visible) out.changed = library::set_lock(tx, id, field, locked, who);
  return out;
}

answer change_lock(const site& at, http::context& c, bool locked) {
  caller who = co_await caller_of(at, c);
  who.need(library::capability::curate);
  uuid id = id_param(c, "id");
  std::string field(c.in.param("field"));
  locking done = co_await at.with.pool.write(lock_visible, who.id(), id, field, locked, who.actor());
  if (!done.visible || !done.changed) not_there();
  co_return http::empty(204);
}

}  // namespace

answer apply_candidate(const site& at, http::context& c) {
  caller who = co_await caller_of(at, c);
  who.need(library::capability::curate);
  uuid id = id_param(c, "id"), candidate = id_param(c, "candidate");
  std::optional<std::vector<std::string>> fields = fields_of(c);
  application a = co_await at.with.pool.write(apply_visible, who.id(), id, candidate, fields, who.actor());
  if (!a.book) not_there();
  if (!a.done && a.done.error().field == "candidate") not_there();
  if (!a.done) invalid(a.done.error().message());
  json::object out{{"applied", a.done->fields}};
  out.set("group", a.done->group).set("book", library::to_json(*a.book, books_base(at, c.in)));
  co_return json_object(out);
}

answer list_changes(const site& at, http::context& c) {
  caller who = co_await caller_of(at, c);
  who.need(library::capability::curate);
  uuid id = id_param(c, "id");
  std::optional<uuid> after = after_of(c.in);
  int limit = limit_of(c.in);
  history found = co_await at.with.pool.snapshot(load_history, who.id(), id, after, limit + 1);
  if (!found.visible) not_there();
  bool more = found.groups.size() > static_cast<std::size_t>(limit);
  if (more) found.groups.pop_back();
  json::array items;
  for (const library::change_group& g : found.groups) items.emplace_back(change_json(g));
  co_return json_list(std::move(items), more ? found.groups.back().id.text() : std::string());
}

answer undo_change(const site& at, http::context& c) {
  caller who = co_await caller_of(at, c);
  who.need(library::capability::curate);
  uuid id = id_param(c, "id"), group = id_param(c, "group");
  undoing done = co_await at.with.pool.write(undo_visible, who.id(), id, group, who.actor());
  if (!done.book || done.outcome == library::undo_outcome::unknown) not_there();
  if (done.outcome == library::undo_outcome::already)
    throw http::problem{409, "This change has been taken back already.", "already"};
  if (done.outcome == library::undo_outcome::overtaken)
    throw http::problem{409, "One of its fields was changed again since. Take that change back first.", "overtaken"};
  co_return json_object(library::to_json(*done.book, books_base(at, c.in)));
}

answer lock_field(const site& at, http::context& c) { return change_lock(at, c, true); }
answer unlock_field(const site& at, http::context& c) { return change_lock(at, c, false); }

}  // namespace carrel::web
