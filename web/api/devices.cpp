#include "library/device.hpp"

#include "library/shelf.hpp"
#include "web/api/call.hpp"
#include "web/pages/device_parts.hpp"

namespace carrel::web {
namespace {

json::object device_json(const library::device& d) {
  return {{"id", d.id},
          {"name", d.name},
          {"kind", d.kind},
          {"user", d.user_name},
          {"last_seen_at", d.last_seen_at},
          {"created_at", d.created_at},
          {"shelves", d.shelves}};
}

// With the secret, which is shown this once (contract.md 3, `device add`).
json::object secret_json(const caller& who, const library::new_device& made) {
  std::string base = who.at.with.links.devices(who.c.in);
  json::object out = device_json(made.made);
  out.set("username", who.user.name).set("password", made.password);
  out.set(
      "urls",
      json::object{{"opds", base + "/opds"}, {"opds2", base + "/opds/v2"}, {"kosync", base + "/kosync"}, {"dav", base + "/dav"}});
  if (made.made.kind == "kobo") {
    out.set("kobo", json::object{{"token", made.token}, {"api_endpoint", base + "/kobo/" + made.token}});
  }
  return out;
}

struct added {
  result<library::new_device> device = error{"name", "missing"};
  bool shelves_known = true;
};

added add_with_shelves(db::tx& tx, uuid user, const std::string& name, const std::string& kind,
                       const std::vector<std::string>& shelves) {
  added out;
  std::vector<uuid> found;
  for (const std::string& s : shelves) {
    std::optional<library::shelf> shelf = library::find_shelf_named(tx, user, s);
    out.shelves_known = out.shelves_known && shelf.has_value();
    if (shelf) found.push_back(shelf->id);
  }
  if (!out.shelves_known) return out;
  out.device = library::add_device(tx, user, name, kind);
  if (!out.device) return out;
  for (const uuid& s : found) library::feed_device(tx, out.device->made.id, s, true);
  out.device->made.shelves = found;
  return out;
}

bool feed(db::tx& tx, uuid user, uuid device, uuid shelf, bool on) {
  if (!find_own_device(tx, user, device) || !library::find_shelf(tx, user, shelf)) return false;
  library::feed_device(tx, device, shelf, on);
  return true;
}

bool revoke(db::tx& tx, uuid user, uuid device) {
  return find_own_device(tx, user, device) && library::revoke_device(tx, device);
}

std::optional<library::new_device> rotate(db::tx& tx, uuid user, uuid device, std::chrono::seconds grace) {
  if (!find_own_device(tx, user, device)) return std::nullopt;
  return library::rotate_device(tx, device, grace);
}

answer set_shelf(const site& at, http::context& c, bool on) {
  caller who = co_await caller_of(at, c);
  who.need(library::capability::keep_devices);
  uuid device = id_param(c, "id"), shelf = id_param(c, "shelf");
  bool there = co_await at.with.pool.write(feed, who.id(), device, shelf, on);
  if (!there) not_there();
  co_return http::empty(204);
}

// {"grace": seconds}; an empty body is no grace.
std::chrono::seconds grace_of(const http::context& c) {
  if (c.in.body().empty()) return {};
  json::object body = body_of(c);
  std::int64_t seconds = 0;
  if (body.find("grace") && !body.take("grace", seconds)) invalid("grace: is a number of seconds");
  if (seconds < 0 || seconds > 86400) invalid("grace: is at most a day");
  return std::chrono::seconds{seconds};
}

}  // namespace

answer list_devices(const site& at, http::context& c) {
  caller who = co_await caller_of(at, c);
  std::optional<uuid> mine = who.id();
  std::vector<library::device> all = co_await at.with.pool.read(library::devices, mine);
  slice part = slice_of(c.in, "devices", all.size());
  json::array items;
  for (std::size_t i = 0; i < part.count; ++i) items.push_back(device_json(all[part.first + i]));
  co_return json_list(std::move(items), part.next);
}

answer post_device(const site& at, http::context& c) {
  caller who = co_await caller_of(at, c);
  who.need(library::capability::keep_devices);
  json::object body = body_of(c);
  std::string name, kind;
  std::vector<std::string> shelves;
  if (!body.take("name", name)) invalid("name: is missing");
  if (!body.take("kind", kind)) invalid("kind: is missing");
  if (body.find("shelves") && !body.take("shelves", shelves)) invalid("shelves: is a list of ids");
  try {
    added made = co_await at.with.pool.write(add_with_shelves, who.id(), name, kind, shelves);
    if (!made.shelves_known) not_there();
    if (!made.device) invalid(made.device.error().message());
    co_return json_object(secret_json(who, *made.device), 201);
  } catch (const db::unique_violation&) {
    throw http::problem{409, "You have a device of that name already.", "name_taken"};
  }
}

answer get_device(const site& at, http::context& c) {
  caller who = co_await caller_of(at, c);
  uuid id = id_param(c, "id");
  std::optional<library::device> found = co_await at.with.pool.read(find_own_device, who.id(), id);
  if (!found) not_there();
  co_return json_object(device_json(*found));
}

answer delete_device(const site& at, http::context& c) {
  caller who = co_await caller_of(at, c);
  who.need(library::capability::keep_devices);
  uuid id = id_param(c, "id");
  bool gone = co_await at.with.pool.write(revoke, who.id(), id);
  if (!gone) not_there();
  co_return http::empty(204);
}

answer rotate_device(const site& at, http::context& c) {
  caller who = co_await caller_of(at, c);
  who.need(library::capability::keep_devices);
  uuid id = id_param(c, "id");
  std::chrono::seconds grace = grace_of(c);
  std::optional<library::new_device> made = co_await at.with.pool.write(rotate, who.id(), id, grace);
  if (!made) not_there();
  co_return json_object(secret_json(who, *made));
}

answer put_device_shelf(const site& at, http::context& c) { return set_shelf(at, c, true); }
answer delete_device_shelf(const site& at, http::context& c) { return set_shelf(at, c, false); }

}  // namespace carrel::web
