// `/devices/add/{kind}`: what to type on the device, large and to copy, shown once (product.md 4.7, kosync.md 13).

#include <algorithm>

#include "library/shelf.hpp"
#include "server/core/text.hpp"
#include "web/pages/device_parts.hpp"
#include "web/pages/kobo_panel.hpp"
#include "web/pages/pages.hpp"

namespace carrel::web {
namespace {

std::string kind_param(const visit& v) {
  std::string kind(v.c.in.param("kind"));
  if (kind != "koreader" && kind != "app" && kind != "kobo") not_here(v);
  return kind;
}

// Of a Kobo also what it is fed by, a new shelf or some that are there, and whether it still asks Kobo's own store.
struct wishes {
  std::string name, new_shelf;
  std::vector<std::string> shelves;
  bool store = false;
};

// A name by which a machine calls itself: no other device comes here by it.
bool is_only_here(std::string_view base) {
  std::size_t begin = base.find("://");
  std::string_view host = begin == base.npos ? base : base.substr(begin + 3);
  if (host.starts_with('[')) return host.starts_with("[::1]");
  host = host.substr(0, host.find_first_of(":/"));
  return host == "localhost" || host.ends_with(".localhost") || host.starts_with("127.");
}

// The address of the machine alone, when Carrel stands below a path of it: there Kobos ask for highlights (kobo.md 15).
std::string root_above(const visit& v) {
  std::string base = v.at.with.links.devices(v.c.in);
  std::size_t begin = base.find("://"), path = begin == base.npos ? begin : base.find('/', begin + 3);
  if (path == base.npos && base_of(v.at, v.c.in).empty()) return {};
  return base.substr(0, path);
}

std::vector<library::shelf> own_shelves(db::tx& tx, const uuid& user) {
  std::vector<library::shelf> all = library::shelves(tx, user);
  std::erase_if(all, [&](const library::shelf& s) { return s.user_id != user || s.made_on_device; });
  return all;
}

task<http::response> add_form(const site& at, visit v, std::string kind, wishes typed, form_errors wrong) {
  view out;
  out.set("kind_key", kind).set("for_koreader", kind == "koreader").set("for_kobo", kind == "kobo").set("for_app", kind == "app");
  out.set("typed_name", typed.name).set("suggested", v.say.text("device.suggested." + kind));
  out.set("heading", v.say.text("device.add." + kind)).set("only_here", is_only_here(v.at.with.links.devices(v.c.in)));
  if (kind == "kobo") {
    std::vector<library::shelf> all = co_await at.with.pool.read(own_shelves, v.id());
    std::vector<view> shelves;
    for (const library::shelf& s : all) {
      view one = shelf_line(v, s);
      one.set("fed", std::find(typed.shelves.begin(), typed.shelves.end(), s.id.text()) != typed.shelves.end());
      shelves.push_back(std::move(one));
    }
    bool first = all.empty() && typed.new_shelf.empty() && wrong.empty();
    out.set("shelves", shelves).set("typed_shelf", first ? v.say.text("kobo.first_shelf") : typed.new_shelf);
    out.set("ask_store", typed.store);
    std::string root = root_above(v);
    if (!root.empty()) out.set("below_path", v.say.say("kobo.below_path", {{"root", root}}));
    out.set("no_address", !at.with.settings.is_set("external_url") && !at.with.settings.is_set("devices_url"));
  }
  wrong.fill(out);
  co_return show(v, {v.say.text("device.add." + kind), "devices"}, "device_add", std::move(out), wrong.empty() ? 200 : 422);
}

result<library::new_device> add_with_shelves(db::tx& tx, const uuid& user, const std::string& kind, const wishes& w) {
  result<library::new_device> made = library::add_device(tx, user, w.name, kind);
  if (!made || kind != "kobo") return made;
  (void)library::change_kobo_options(tx, made->made.id, {{"passthrough", w.store}});
  for (const std::string& text : w.shelves) {
    if (std::optional<uuid> shelf = id_of(text)) library::feed_device(tx, made->made.id, *shelf, true);
  }
  if (trim(w.new_shelf).empty()) return made;
  std::optional<library::shelf> there = library::find_shelf_named(tx, user, w.new_shelf);
  result<library::shelf> shelf =
      there && there->user_id == user ? result<library::shelf>(*there) : library::create_shelf(tx, user, w.new_shelf, true);
  if (!shelf) throw http::problem{422, shelf.error().message(), "invalid"};
  library::feed_device(tx, made->made.id, shelf->id, true);
  return made;
}

}  // namespace

http::response secret_answer(const visit& v, const library::new_device& made, bool rotated) {
  bool koreader = made.made.kind == "koreader", kobo = made.made.kind == "kobo";
  std::string base = v.at.with.links.devices(v.c.in);
  std::vector<view> values;
  std::string endpoint = base + "/kobo/" + made.token;
  if (kobo) values.push_back(copyable(v, "device.value.kobo", "api_endpoint=" + endpoint, true));
  if (koreader) values.push_back(copyable(v, "device.value.kosync", base + "/kosync"));
  if (!kobo) {
    values.push_back(copyable(v, "device.value.user", v.user->name));
    values.push_back(copyable(v, "device.value.password", made.password, true));
    values.push_back(copyable(v, "device.value.opds", base + "/opds"));
  }

  view out;
  out.set("device", made.made.id.text()).set("name", made.made.name).set("values", values).set("for_koreader", koreader);
  out.set("for_kobo", kobo).set("for_app", !kobo && !koreader).set("endpoint", kobo ? endpoint : "");
  if (kobo) fill_arrival(v, made.made.id, {}, out);
  out.set("rotated", rotated).set("insecure", base.starts_with("http://"));
  out.set("only_here", is_only_here(base));
  out.set("code", qr_code(kobo ? "api_endpoint=" + endpoint : koreader ? base + "/kosync" : base + "/opds"));
  fill_activity(v, {}, out);
  std::string title = v.say.say(rotated ? "device.rotated" : "device.added", {{"name", made.made.name}});
  out.set("heading", title);
  return show(v, {title, "devices"}, "device_secret", std::move(out));
}

answer device_add_page(const site& at, http::context& c) {
  visit v = co_await visit_of(at, c);
  v.need(library::capability::keep_devices);
  std::string kind = kind_param(v);
  wishes nothing;
  nothing.store = at.with.settings.on("kobo.passthrough");
  form_errors none;
  task<http::response> asking = add_form(at, v, kind, nothing, none);
  co_return co_await std::move(asking);
}

answer device_add(const site& at, http::context& c) {
  visit v = co_await visit_of(at, c);
  v.need(library::capability::keep_devices);
  std::string kind = kind_param(v);
  http::form form(c.in);
  wishes typed{
      .name = form.text("name"), .new_shelf = form.text("new_shelf"), .shelves = form.all("shelf"), .store = form.has("store")};
  form_errors wrong;
  try {
    result<library::new_device> made = co_await at.with.pool.write(add_with_shelves, v.id(), kind, typed);
    if (made) co_return secret_answer(v, *made, false);
    wrong.add("name", v.say.text("device.wrong.name"));
  } catch (const db::unique_violation&) {
    wrong.add("name", v.say.text("device.wrong.taken"));
  }
  task<http::response> again = add_form(at, v, kind, typed, wrong);
  co_return co_await std::move(again);
}

}  // namespace carrel::web
