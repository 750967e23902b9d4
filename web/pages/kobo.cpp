// Forms of a Kobo's page: announce again, reset, choices; and the stream that lights up while it comes for the first time.
#include <algorithm>
#include <memory>

#include "server/core/text.hpp"
#include "web/event_stream.hpp"
#include "web/format.hpp"
#include "web/own_kobo.hpp"
#include "web/pages/kobo_panel.hpp"
#include "web/pages/pages.hpp"

namespace carrel::web {
namespace {

json::object wishes_of(const http::form& form) {
  json::object out;
  for (const char* name : {"paused", "collections", "positions", "read_only", "highlights"}) out.set(name, form.has(name));
  std::string policy = form.text("policy");
  out.set("put_back", policy == "server" ? json::value(nullptr) : json::value(policy == "put-back"));
  auto choice = [&](const char* name, const std::string& word, json::value chosen) {
    if (!word.empty()) out.set(name, word == "server" ? json::value(nullptr) : std::move(chosen));
  };
  std::string heal = form.text("heal"), kepub = form.text("kepub"), hyphenation = form.text("hyphenation");
  choice("heal", heal, heal == "on");
  choice("kepub", kepub, kepub == "on");
  choice("hyphenation", hyphenation, hyphenation);
  std::string store = form.text("store");
  out.set("passthrough", store == "server" ? json::value(nullptr) : json::value(store == "on"));
  std::string largest(trim(form.text("largest")));
  std::optional<std::int64_t> megabytes = largest.empty() ? 0 : to_integer(largest);
  if (!megabytes || *megabytes < 0)
    throw http::problem{422, "The size of the largest book has to be a whole number of megabytes, or empty."};
  out.set("sync_mode", form.has("by_ledger") ? "ledger" : "token");
  out.set("largest", std::clamp<std::int64_t>(*megabytes, 0, 1'000'000) * 1'000'000);
  return out;
}

std::vector<uuid> books_in(const http::form& form) {
  std::vector<uuid> books;
  for (const std::string& text : form.all("book")) {
    if (std::optional<uuid> book = id_of(text)) books.push_back(*book);
  }
  return books;
}

std::string page_of(const uuid& device) { return "/devices/" + device.text(); }

// Nothing when the account or its device is no more.
std::optional<library::kobo_arrival> arrival(db::tx& tx, const uuid& user, const uuid& device) {
  std::optional<library::user> account = library::find_user(tx, user);
  if (!account || account->disabled || !owns_kobo(tx, user, device)) return std::nullopt;
  return library::arrival_of_kobo(tx, device);
}

std::string step_event(const library::kobo_arrival& a) {
  return event_text("step", {{"called", a.called_at.has_value()},
                             {"identified", a.identified},
                             {"library", a.synced},
                             {"fetched", a.fetched > 0},
                             {"model", a.model},
                             {"done", a.delivered},
                             {"all", a.wanted}});
}

task<std::optional<std::string>> new_step(const site& at, uuid user, uuid device, std::shared_ptr<std::string> before) {
  std::optional<library::kobo_arrival> now = co_await at.with.pool.read(arrival, user, device);
  if (!now) co_return std::nullopt;
  std::string text = step_event(*now);
  if (text == *before) co_return "";
  *before = text;
  co_return text;
}

struct reset_data {
  std::optional<library::device> device;
  library::reset_preview preview;
};

reset_data load_reset(db::tx& tx, const uuid& user, const uuid& device) {
  reset_data out;
  if (!owns_kobo(tx, user, device)) return out;
  out.device = library::find_device(tx, device);
  out.preview = library::preview_reset(tx, device);
  return out;
}

using own_act = bool (*)(db::tx&, const uuid&, const uuid&);

answer act(const site& at, http::context& c, own_act what, std::string_view words) {
  visit v = co_await visit_of(at, c);
  v.need(library::capability::keep_devices);
  uuid id = id_param(c, "id");
  http::form form(c.in);
  bool there = co_await at.with.pool.write(what, v.id(), id);
  if (!there) not_here(v);
  co_return done(v, back_path(form, page_of(id)), words);
}

}  // namespace

answer kobo_again(const site& at, http::context& c) {
  visit v = co_await visit_of(at, c);
  v.need(library::capability::keep_devices);
  uuid id = id_param(c, "id");
  http::form form(c.in);
  std::vector<uuid> books = books_in(form);
  library::announcing how{.only_removed = false, .fetch_again = form.has("hard")};
  std::optional<int> queued = co_await at.with.pool.write(announce_own_again, v.id(), id, books, how);
  if (!queued) not_here(v);
  co_return done(v, back_path(form, page_of(id)), *queued > 0 ? "kobo.again" : "kobo.nothing", id.text());
}

answer kobo_take_off(const site& at, http::context& c) {
  visit v = co_await visit_of(at, c);
  v.need(library::capability::keep_devices);
  uuid id = id_param(c, "id");
  http::form form(c.in);
  std::vector<uuid> books = books_in(form);
  std::optional<int> taken = co_await at.with.pool.write(take_off_own, v.id(), id, books);
  if (!taken) not_here(v);
  co_return done(v, back_path(form, page_of(id)), *taken > 0 ? "kobo.take_off" : "kobo.not_there", id.text());
}

// What a reset would announce, and what stays (product.md 4.6).
answer kobo_reset_page(const site& at, http::context& c) {
  visit v = co_await visit_of(at, c);
  v.need(library::capability::keep_devices);
  uuid id = id_param(c, "id");
  reset_data data = co_await at.with.pool.snapshot(load_reset, v.id(), id);
  if (!data.device) not_here(v);
  view out;
  const library::reset_preview& r = data.preview;
  out.set("device", id.text()).set("name", data.device->name);
  out.set("back", local_path(c.in.query("back").value_or(""), page_of(id)));
  out.set("reset_books", v.say.count("books.count", r.books)).set("reset_size", size_text(v.say, r.bytes));
  out.set("reset_removed", r.removed > 0 ? v.say.count("kobo.reset.removed", r.removed) : "");
  co_return show(v, {v.say.text("kobo.reset"), "devices"}, "device_reset", std::move(out));
}

answer kobo_reset(const site& at, http::context& c) {
  visit v = co_await visit_of(at, c);
  v.need(library::capability::keep_devices);
  uuid id = id_param(c, "id");
  http::form form(c.in);
  std::optional<int> queued = co_await at.with.pool.write(reset_own_kobo, v.id(), id, form.has("lift_removed"));
  if (!queued) not_here(v);
  co_return done(v, back_path(form, page_of(id)), "kobo.reset", id.text());
}

answer kobo_pause(const site& at, http::context& c) {
  visit v = co_await visit_of(at, c);
  v.need(library::capability::keep_devices);
  uuid id = id_param(c, "id");
  http::form form(c.in);
  bool paused = form.has("paused");
  json::object wish{{"paused", paused}};
  result<bool> there = co_await at.with.pool.write(change_own_options, v.id(), id, wish);
  if (!there || !*there) not_here(v);
  co_return done(v, back_path(form, page_of(id)), paused ? "kobo.paused" : "kobo.unpaused", id.text(), paused ? "" : "on");
}

answer kobo_show(const site& at, http::context& c) {
  visit v = co_await visit_of(at, c);
  v.need(library::capability::keep_devices);
  uuid id = id_param(c, "id");
  http::form form(c.in);
  std::optional<uuid> shelf = id_of(form.text("shelf"));
  if (!shelf) not_here(v);
  bool shown = co_await at.with.pool.write(show_own_hidden, v.id(), id, *shelf);
  if (!shown) not_here(v);
  co_return done(v, page_of(id), "kobo.shown");
}

answer kobo_take_back(const site& at, http::context& c) { return act(at, c, take_back_own_acts, "undone"); }
answer kobo_agree(const site& at, http::context& c) { return act(at, c, agree_to_own_removal, "saved"); }

answer kobo_choices(const site& at, http::context& c) {
  visit v = co_await visit_of(at, c);
  v.need(library::capability::keep_devices);
  uuid id = id_param(c, "id");
  http::form form(c.in);
  json::object wishes = wishes_of(form);
  result<bool> there = co_await at.with.pool.write(change_own_options, v.id(), id, wishes);
  if (!there || !*there) not_here(v);
  co_return done(v, page_of(id), "saved");
}

answer kobo_live(const site& at, http::context& c) {
  visit v = co_await visit_of(at, c);
  uuid id = id_param(c, "id"), user = v.id();
  bool there = co_await at.with.pool.read(owns_kobo, user, id);
  if (!there) not_here(v);
  auto before = std::make_shared<std::string>();
  auto asking = [&at, user, id, before] { return new_step(at, user, id, before); };
  co_return event_stream(at, {.every = std::chrono::milliseconds{500}, .longest = std::chrono::minutes{15}}, asking);
}

}  // namespace carrel::web
