// `/devices` and `/devices/{id}`: what reads from this library (product.md 4.7).

#include <algorithm>

#include "library/device.hpp"
#include "library/device_problems.hpp"
#include "library/shelf.hpp"
#include "server/core/text.hpp"
#include "web/format.hpp"
#include "web/pages/device_parts.hpp"
#include "web/pages/kobo_panel.hpp"
#include "web/pages/pages.hpp"

namespace carrel::web {
namespace {

struct device_data {
  std::optional<library::device> device;
  std::vector<library::device_request> requests;
  std::vector<library::shelf> shelves;
  std::optional<kobo_data> kobo;
  waiting_data waiting;
};

device_data load_device(db::tx& tx, uuid viewer, uuid id) {
  device_data out;
  out.device = find_own_device(tx, viewer, id);
  if (!out.device) return out;
  out.requests = library::recent_requests(tx, id, 20);
  out.shelves = library::shelves(tx, viewer);
  out.waiting = load_waiting(tx, viewer, *out.device);
  if (out.device->kind == "kobo") out.kobo = load_kobo(tx, id);
  return out;
}

std::vector<view> shelf_switches(const visit& v, const device_data& data) {
  std::vector<view> out;
  for (const library::shelf& s : data.shelves) {
    if (s.user_id != v.id()) continue;
    view one = shelf_line(v, s);
    one.set("fed", std::find(data.device->shelves.begin(), data.device->shelves.end(), s.id) != data.device->shelves.end());
    out.push_back(one);
  }
  return out;
}

struct devices_data {
  std::vector<library::device> devices;
  std::map<uuid, library::device_problems> problems;
};

devices_data load_devices(db::tx& tx, uuid viewer) {
  return {.devices = library::devices(tx, viewer), .problems = library::problems_of_devices(tx, viewer)};
}

std::vector<view> problem_words(const visit& v, const library::device_problems& p) {
  std::vector<view> out;
  auto add = [&](std::string words) { out.push_back(view().set("words", std::move(words))); };
  if (p.guarded) add(v.say.text("device.problem.guarded"));
  if (p.doubtful > 0) add(v.say.count("device.problem.doubtful", p.doubtful));
  if (p.failed > 0) add(v.say.count("device.problem.failed", p.failed));
  return out;
}

task<http::response> device_answer(const site& at, visit v, uuid id, form_errors wrong) {
  device_data data = co_await at.with.pool.snapshot(load_device, v.id(), id);
  if (!data.device) not_here(v);
  view out = device_line(v, *data.device);
  out.set("device", id.text()).set("heading", data.device->name).set("agent", data.device->last_agent);
  out.set("address", data.device->last_address).set("shelves", shelf_switches(v, data));
  fill_activity(v, data.requests, out);
  fill_addresses(v, data.device->kind, out);
  fill_waiting(v, data.waiting, out);
  out.set("for_kobo", data.kobo.has_value());
  if (data.kobo) {
    fill_kobo(v, *data.kobo, out);
    fill_arrival(v, id, data.kobo->arrival, out);
  }
  wrong.fill(out);
  co_return show(v, {data.device->name, "devices"}, "device", std::move(out), wrong.empty() ? 200 : 422);
}

bool set_shelves(db::tx& tx, uuid user, uuid device, std::vector<std::string> wanted) {
  if (!find_own_device(tx, user, device)) return false;
  for (const library::shelf& s : library::shelves(tx, user)) {
    bool on = std::find(wanted.begin(), wanted.end(), s.id.text()) != wanted.end();
    if (s.user_id == user) library::feed_device(tx, device, s.id, on);
  }
  return true;
}

std::optional<library::new_device> rotate_own(db::tx& tx, uuid user, uuid device, std::chrono::seconds grace) {
  if (!find_own_device(tx, user, device)) return std::nullopt;
  return library::rotate_device(tx, device, grace);
}

}  // namespace

std::optional<library::device> find_own_device(db::tx& tx, const uuid& user, const uuid& device) {
  std::optional<library::device> found = library::find_device(tx, device);
  if (found && found->user_id != user) found.reset();
  return found;
}

void fill_activity(const visit& v, const std::vector<library::device_request>& requests, view& out) {
  std::vector<view> all;
  bool failures = v.c.in.query("show") == "failures";
  for (const library::device_request& r : requests) {
    if (failures && r.status < 400) continue;
    view one;
    one.set("when", moment(v.say, r.at)).set("request", r.request).set("protocol", r.protocol).set("code", r.status);
    one.set("fine", r.status < 400).set("note", r.note);
    one.set("outcome", v.say.text(r.status < 400                       ? "request.ok"
                                  : r.status == 401 || r.status == 403 ? "request.secret"
                                  : r.status == 404                    ? "request.path"
                                                                       : "request.failed"));
    all.push_back(one);
  }
  out.set("requests", all);
  const char* filter = "?show=failures";
  out.set("show", failures ? filter : "").set("show_other", failures ? "" : filter).set("any_activity", !requests.empty());
  out.set("show_words", v.say.text(failures ? "device.all_requests" : "device.only_failures"));
  out.set("no_requests", v.say.text(failures ? "device.no_failures" : "device.no_request"));
}

void fill_addresses(const visit& v, const std::string& kind, view& out) {
  std::string base = v.at.with.links.devices(v.c.in);
  out.set("kosync_address", kind == "koreader" ? base + "/kosync" : "").set("opds_address", base + "/opds");
}

answer devices_page(const site& at, http::context& c) {
  visit v = co_await visit_of(at, c);
  devices_data data = co_await at.with.pool.snapshot(load_devices, v.id());
  std::vector<view> all;
  all.reserve(data.devices.size());
  for (const library::device& d : data.devices) {
    view line = device_line(v, d);
    auto bad = data.problems.find(d.id);
    line.set("problems", bad == data.problems.end() ? std::vector<view>{} : problem_words(v, bad->second));
    all.push_back(std::move(line));
  }
  view out;
  out.set("devices", all).set("may_add", v.may(library::capability::keep_devices));
  co_return show(v, {v.say.text("nav.devices"), "devices"}, "devices", std::move(out));
}

answer device_page(const site& at, http::context& c) {
  visit v = co_await visit_of(at, c);
  uuid id = id_param(c, "id");
  co_return co_await device_answer(at, v, id, form_errors{});
}

answer device_shelves(const site& at, http::context& c) {
  visit v = co_await visit_of(at, c);
  v.need(library::capability::keep_devices);
  uuid id = id_param(c, "id");
  http::form form(c.in);
  std::vector<std::string> wanted = form.all("shelf");
  bool found = co_await at.with.pool.write(set_shelves, v.id(), id, wanted);
  if (!found) not_here(v);
  co_return done(v, "/devices/" + id.text(), "saved");
}

answer device_rotate(const site& at, http::context& c) {
  visit v = co_await visit_of(at, c);
  v.need(library::capability::keep_devices);
  uuid id = id_param(c, "id");
  http::form form(c.in);
  std::chrono::seconds grace{form.has("grace") ? 3600 : 0};
  std::optional<library::new_device> made = co_await at.with.pool.write(rotate_own, v.id(), id, grace);
  if (!made) not_here(v);
  co_return secret_answer(v, *made, true);
}

// Cannot be taken back: the name has to be typed.
answer device_revoke(const site& at, http::context& c) {
  visit v = co_await visit_of(at, c);
  v.need(library::capability::keep_devices);
  uuid id = id_param(c, "id");
  http::form form(c.in);
  std::optional<library::device> device = co_await at.with.pool.read(find_own_device, v.id(), id);
  if (!device) not_here(v);
  if (trim(form.text("confirm")) != device->name) {
    form_errors wrong;
    wrong.add("confirm", v.say.text("form.confirm_wrong"));
    co_return co_await device_answer(at, v, id, wrong);
  }
  co_await at.with.pool.write(library::revoke_device, id);
  co_return done(v, "/devices", "device.revoked");
}

}  // namespace carrel::web
