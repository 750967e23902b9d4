// What a Kobo holds, and how its owner brings it back to its shelf (contract.md 4).
#include "web/api/call.hpp"
#include "web/own_kobo.hpp"
#include "web/pages/device_parts.hpp"

namespace carrel::web {
namespace {

std::optional<json::object> ledger(db::tx& tx, const uuid& user, const uuid& device) {
  std::optional<library::device> found = find_own_device(tx, user, device);
  if (!found || found->kind != "kobo") return std::nullopt;
  return library::ledger_json(device, found->name, library::kobo_ledger(tx, device));
}

std::optional<library::reset_preview> preview(db::tx& tx, const uuid& user, const uuid& device) {
  if (!owns_kobo(tx, user, device)) return std::nullopt;
  return library::preview_reset(tx, device);
}

json::object options_of(db::tx& tx, const uuid& device) {
  return library::kobo_options_json(library::kobo_options_of(tx, device));
}

std::vector<uuid> books_in(const json::object& body) {
  std::vector<std::string> texts;
  if (!body.take("books", texts)) invalid("books: is a list of ids");
  std::vector<uuid> out;
  for (const std::string& text : texts) {
    std::optional<uuid> id = uuid::parse(text);
    if (!id) invalid("books: " + text + " is no id");
    out.push_back(*id);
  }
  return out;
}

bool flag_in(const json::object& body, const char* name) {
  bool on = false;
  if (body.find(name) != nullptr && !body.take(name, on)) invalid(std::string(name) + ": is true or false");
  return on;
}

answer announce(const site& at, http::context& c, bool only_removed) {
  caller who = co_await caller_of(at, c);
  who.need(library::capability::keep_devices);
  uuid id = id_param(c, "id");
  json::object body = body_of(c);
  std::vector<uuid> books = books_in(body);
  library::announcing how{.only_removed = only_removed, .fetch_again = !only_removed && flag_in(body, "hard")};
  std::optional<int> queued = co_await at.with.pool.write(announce_own_again, who.id(), id, books, how);
  if (!queued) not_there();
  co_return json_object({{"queued", *queued}});
}

}  // namespace

answer get_device_books(const site& at, http::context& c) {
  caller who = co_await caller_of(at, c);
  uuid id = id_param(c, "id");
  std::optional<json::object> found = co_await at.with.pool.snapshot(ledger, who.id(), id);
  if (!found) not_there();
  co_return json_object(*found);
}

answer resend_device_books(const site& at, http::context& c) { return announce(at, c, false); }
answer restore_device_books(const site& at, http::context& c) { return announce(at, c, true); }

answer preview_device_reset(const site& at, http::context& c) {
  caller who = co_await caller_of(at, c);
  uuid id = id_param(c, "id");
  std::optional<library::reset_preview> all = co_await at.with.pool.snapshot(preview, who.id(), id);
  if (!all) not_there();
  co_return json_object({{"books", all->books}, {"removed", all->removed}, {"bytes", all->bytes}});
}

answer reset_device(const site& at, http::context& c) {
  caller who = co_await caller_of(at, c);
  who.need(library::capability::keep_devices);
  uuid id = id_param(c, "id");
  bool lift = !c.in.body().empty() && flag_in(body_of(c), "lift_removed");
  std::optional<int> queued = co_await at.with.pool.write(reset_own_kobo, who.id(), id, lift);
  if (!queued) not_there();
  co_return json_object({{"queued", *queued}});
}

answer take_back_device(const site& at, http::context& c) {
  caller who = co_await caller_of(at, c);
  who.need(library::capability::keep_devices);
  uuid id = id_param(c, "id");
  bool there = co_await at.with.pool.write(take_back_own_acts, who.id(), id);
  if (!there) not_there();
  co_return http::empty(204);
}

answer patch_device(const site& at, http::context& c) {
  caller who = co_await caller_of(at, c);
  who.need(library::capability::keep_devices);
  uuid id = id_param(c, "id");
  json::object change = body_of(c);
  result<bool> done = co_await at.with.pool.write(change_own_options, who.id(), id, change);
  if (!done) invalid(done.error().message());
  if (!*done) not_there();
  co_return json_object(co_await at.with.pool.read(options_of, id));
}

}  // namespace carrel::web
