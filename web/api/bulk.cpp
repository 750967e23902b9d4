#include "web/api/bulk.hpp"

#include <algorithm>
#include <array>

#include "library/bulk.hpp"
#include "library/catalog_details.hpp"
#include "library/cursor.hpp"
#include "library/shelf.hpp"
#include "publication/reading.hpp"
#include "server/core/text.hpp"
#include "server/jobs/queue.hpp"
#include "web/api/call.hpp"
#include "web/bulk_jobs.hpp"

namespace carrel::web {
namespace {

constexpr std::size_t most_books = 10'000;

struct wish {
  std::string act = "edit";
  std::vector<uuid> books;
  std::optional<library::filter> where;
  library::bulk_request what;
};

std::optional<uuid> id_in(const json::object& o, const char* name) {
  const json::value* v = o.find(name);
  if (v == nullptr || v->is_null()) return std::nullopt;
  std::optional<uuid> id = v->as_text() != nullptr ? uuid::parse(*v->as_text()) : std::nullopt;
  if (!id) invalid(std::string(name) + " is no id.", name);
  return id;
}

bool is_filter_name(const std::string& name) {
  constexpr std::array names{"q", "status", "language", "format", "state", "author", "series", "tag", "shelf"};
  auto is = [&](const char* known) { return name == known; };
  return std::any_of(names.begin(), names.end(), is) ||
         std::any_of(library::detail_names.begin(), library::detail_names.end(), is);
}

// The names are those of the query of GET /books. One that is not known, or blank, may not be left out: it would mean more books.
library::filter filter_in(const json::object& o) {
  library::filter f;
  for (const auto& [name, value] : o.members()) {
    if (!is_filter_name(name)) invalid("where has a name that is not known.", "where");
    if (value.as_text() != nullptr && trim(*value.as_text()).empty())
      invalid(name + " is blank. Leave it out to mean all books.", name);
  }
  for (auto [name, into] : {std::pair{"q", &f.text}, std::pair{"status", &f.status}, std::pair{"language", &f.language},
                            std::pair{"format", &f.format}, std::pair{"state", &f.state}}) {
    if (o.find(name) != nullptr && !o.take(name, *into)) invalid(std::string(name) + " must be text.", name);
  }
  if (!f.status.empty() && f.status != "inbox" && f.status != "review" && f.status != "organized")
    invalid("status is inbox, review or organized.", "status");
  if (!f.state.empty() && !publication::reading_state_named(f.state))
    invalid("state is unread, wanted, reading, read or abandoned.", "state");
  for (const char* name : library::detail_names) {
    std::string value;
    bool readable = o.find(name) == nullptr || (o.take(name, value) && library::set_detail(f, name, value));
    if (!readable) invalid(std::string(name) + " cannot be read.", name);
  }
  f.person = id_in(o, "author");
  f.series = id_in(o, "series");
  f.tag = id_in(o, "tag");
  f.shelf = id_in(o, "shelf");
  return f;
}

std::vector<uuid> books_in(const json::value& v) {
  const json::array* items = v.as_array();
  if (items == nullptr || items->empty() || items->size() > most_books)
    invalid("books must be a list of up to 10000 ids.", "books");
  std::vector<uuid> out;
  for (const json::value& item : *items) {
    std::optional<uuid> id = item.as_text() != nullptr ? uuid::parse(*item.as_text()) : std::nullopt;
    if (!id) invalid("books must be a list of ids.", "books");
    out.push_back(*id);
  }
  return out;
}

void read_choice(const json::object& body, wish& out) {
  const json::value *books = body.find("books"), *where = body.find("where");
  if ((books != nullptr) == (where != nullptr)) invalid("Say either books or where.", "books");
  if (books != nullptr) out.books = books_in(*books);
  if (where != nullptr && where->as_object() == nullptr) invalid("where must be an object.", "where");
  if (where != nullptr) out.where = filter_in(*where->as_object());
}

wish wish_in(const json::object& body) {
  wish out;
  body.take("act", out.act);
  if (out.act != "edit" && out.act != "shelf" && out.act != "trash" && out.act != "approve")
    invalid("act is edit, shelf, trash or approve.", "act");
  read_choice(body, out);
  body.take("locked", out.what.locked_too);
  out.what.shelf = id_in(body, "shelf");
  const json::value* edits = body.find("edits");
  if (out.act != "edit") return out;
  if (edits == nullptr || edits->as_array() == nullptr) invalid("edits must be a list.", "edits");
  result<std::vector<library::bulk_edit>> parsed = library::parse_edits(*edits->as_array());
  if (!parsed) invalid(parsed.error().message(), "edits");
  out.what.edits = std::move(*parsed);
  return out;
}

// Nothing when there is no such book or shelf for this account.
std::optional<library::bulk_run> begin(db::tx& tx, uuid viewer, const library::actor& who, const wish& w) {
  if (w.where && w.where->shelf && !library::find_shelf(tx, viewer, *w.where->shelf)) return std::nullopt;
  uuid run = library::start_bulk(tx, viewer, who, w.act, w.where ? w.where->text : "");
  if (w.where) library::choose_matching(tx, run, *w.where);
  bool any = w.where || library::choose_books(tx, run, viewer, w.books) > 0;
  if (!any || library::request_bulk(tx, run, viewer, w.what)) {
    library::drop_bulk(tx, run);
    return std::nullopt;
  }
  return prepare_bulk(tx, run, viewer);
}

task<library::bulk_run> own_run(const site& at, const caller& who, uuid id) {
  std::optional<library::bulk_run> run = co_await at.with.pool.read(library::find_bulk_of, who.id(), id);
  if (!run || !who.may(library::needed_for(run->act))) not_there();
  co_return std::move(*run);
}

using change = bool (*)(db::tx&, const uuid&);
std::optional<library::bulk_run> change_run(db::tx& tx, uuid run, change what) {
  if (!what(tx, run)) return std::nullopt;
  enqueue_bulk(tx, run);
  return library::find_bulk(tx, run);
}

bool cancel(db::tx& tx, const uuid& run) {
  std::optional<library::bulk_run> r = library::find_bulk(tx, run);
  if (!library::cancel_bulk(tx, run)) return false;
  if (r && r->job) jobs::cancel_job(tx, *r->job);
  return true;
}

answer change_answer(const site& at, http::context& c, change what) {
  caller who = co_await caller_of(at, c);
  uuid id = id_param(c, "id");
  library::bulk_run run = co_await own_run(at, who, id);
  std::optional<library::bulk_run> now = co_await at.with.pool.write(change_run, run.id, what);
  if (!now) throw http::problem{409, "The run is in another state by now.", "bulk_state"};
  co_return json_object(library::to_json(*now), 202);
}

// A token holds the place and, for changes, the field of the last one before.
library::bulk_place after_of(const http::request& in, const std::string& list) {
  std::string token = in.query("after").value_or("");
  if (token.empty()) return {};
  std::optional<library::cursor> at = library::from_token(token, list, library::cursor::side::after);
  std::optional<std::int64_t> place = at ? to_integer(at->key) : std::nullopt;
  if (!place) throw http::problem{400, "after is not a token of this list.", "cursor"};
  return {.place = *place, .field = at->key2};
}

std::string token_of(const std::string& list, std::int64_t place, const std::string& field) {
  return library::to_token({.from = library::cursor::side::after, .key = std::to_string(place), .key2 = field}, list);
}

template <class Item>
std::string cut_page(std::vector<Item>& items, int limit, const std::string& list) {
  if (items.size() <= static_cast<std::size_t>(limit)) return "";
  items.resize(static_cast<std::size_t>(limit));
  std::string field;
  if constexpr (std::is_same_v<Item, library::bulk_change>) field = items.back().field;
  return token_of(list, items.back().place, field);
}

template <class Item>
json::array array_of(const std::vector<Item>& items) {
  json::array out;
  for (const Item& item : items) out.push_back(library::to_json(item));
  return out;
}

answer post_bulk(const site& at, http::context& c) {
  caller who = co_await caller_of(at, c);
  json::object body = body_of(c);
  std::string act = "edit";
  body.take("act", act);
  who.need(library::needed_for(act));
  wish wanted = wish_in(body);
  std::optional<library::bulk_run> run = co_await at.with.pool.write(begin, who.id(), who.actor(), wanted);
  if (!run) not_there();
  co_return json_object(library::to_json(*run), 201);
}

answer list_bulk(const site& at, http::context& c) {
  caller who = co_await caller_of(at, c);
  who.need(library::capability::shelve);
  int limit = limit_of(c.in);
  std::string token = c.in.query("after").value_or("");
  std::optional<uuid> after = uuid::parse(token);
  if (!token.empty() && !after) throw http::problem{400, "after is not a token of this list.", "cursor"};
  std::vector<library::bulk_run> runs = co_await at.with.pool.read(library::recent_bulk, who.id(), after, limit + 1);
  bool more = runs.size() > static_cast<std::size_t>(limit);
  if (more) runs.resize(static_cast<std::size_t>(limit));
  co_return json_list(array_of(runs), more ? runs.back().id.text() : std::string());
}

answer get_bulk(const site& at, http::context& c) {
  caller who = co_await caller_of(at, c);
  uuid id = id_param(c, "id");
  library::bulk_run run = co_await own_run(at, who, id);
  co_return json_object(library::to_json(run));
}

answer delete_bulk(const site& at, http::context& c) {
  caller who = co_await caller_of(at, c);
  uuid id = id_param(c, "id");
  library::bulk_run run = co_await own_run(at, who, id);
  bool dropped = co_await at.with.pool.write(library::drop_bulk, run.id);
  if (!dropped) throw http::problem{409, "The run has changed books and stays.", "bulk_state"};
  co_return http::empty(204);
}

answer list_bulk_changes(const site& at, http::context& c) {
  caller who = co_await caller_of(at, c);
  uuid id = id_param(c, "id");
  library::bulk_run run = co_await own_run(at, who, id);
  std::string list = "bulk:" + id.text();
  library::bulk_place after = after_of(c.in, list);
  int limit = limit_of(c.in);
  std::vector<library::bulk_change> items = co_await at.with.pool.read(library::bulk_changes, run.id, after, limit + 1);
  std::string next = cut_page(items, limit, list);
  co_return json_list(array_of(items), next);
}

answer list_bulk_problems(const site& at, http::context& c) {
  caller who = co_await caller_of(at, c);
  uuid id = id_param(c, "id");
  library::bulk_run run = co_await own_run(at, who, id);
  std::string list = "bulk_problems:" + id.text();
  library::bulk_place after = after_of(c.in, list);
  int limit = limit_of(c.in);
  std::vector<library::bulk_outcome> items = co_await at.with.pool.read(library::bulk_problems, run.id, after.place, limit + 1);
  std::string next = cut_page(items, limit, list);
  co_return json_list(array_of(items), next);
}

answer run_bulk(const site& at, http::context& c) { return change_answer(at, c, library::begin_bulk); }
answer undo_bulk_run(const site& at, http::context& c) { return change_answer(at, c, library::undo_bulk); }
answer cancel_bulk_run(const site& at, http::context& c) { return change_answer(at, c, cancel); }

}  // namespace

void mount_bulk_api(const site& at, http::router& r) {
  using http::verb;
  r.add(verb::post, "/bulk", bound(at, post_bulk), {.body_limit = 1 << 20});
  mount_all(at, r,
            {
                {verb::get, "/bulk", list_bulk},
                {verb::get, "/bulk/{id}", get_bulk},
                {verb::del, "/bulk/{id}", delete_bulk},
                {verb::get, "/bulk/{id}/changes", list_bulk_changes},
                {verb::get, "/bulk/{id}/problems", list_bulk_problems},
                {verb::post, "/bulk/{id}/run", run_bulk},
                {verb::post, "/bulk/{id}/undo", undo_bulk_run},
                {verb::post, "/bulk/{id}/cancel", cancel_bulk_run},
            });
}

}  // namespace carrel::web
