// Forms of a Kobo's page: announce again, reset, choices; and the stream that lights up while it comes for the first time.
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "server/core/text.hpp"
#include "web/pages/device_parts.hpp"
#include "web/pages/kobo_panel.hpp"
#include "web/pages/pages.hpp"

namespace carrel::web {
namespace {

constexpr std::chrono::minutes longest_stream{15};

bool own_kobo(db::tx& tx, const uuid& user, const uuid& device) {
  std::optional<library::device> found = find_own_device(tx, user, device);
  return found && found->kind == "kobo";
}

std::optional<int> again(db::tx& tx, const uuid& user, const uuid& device, const std::vector<uuid>& books) {
  if (!own_kobo(tx, user, device)) return std::nullopt;
  return library::announce_again(tx, device, books, false);
}

std::optional<int> reset(db::tx& tx, const uuid& user, const uuid& device, bool lift) {
  if (!own_kobo(tx, user, device)) return std::nullopt;
  return library::reset_kobo(tx, device, lift);
}

bool take_back(db::tx& tx, const uuid& user, const uuid& device) {
  return own_kobo(tx, user, device) && (library::take_back_kobo_acts(tx, device), true);
}

bool agree(db::tx& tx, const uuid& user, const uuid& device) {
  return own_kobo(tx, user, device) && (library::agree_to_removal(tx, device), true);
}

bool choose(db::tx& tx, const uuid& user, const uuid& device, const json::object& wishes) {
  return own_kobo(tx, user, device) && library::change_kobo_options(tx, device, wishes).value();
}

json::object wishes_of(const http::form& form) {
  json::object out;
  for (const char* name : {"paused", "collections", "positions", "highlights"}) out.set(name, form.has(name));
  std::string policy = form.text("policy");
  out.set("put_back", policy == "server" ? json::value(nullptr) : json::value(policy == "put-back"));
  std::int64_t megabytes = to_integer(trim(form.text("largest"))).value_or(0);
  out.set("largest", std::clamp<std::int64_t>(megabytes, 0, 1'000'000) * 1'000'000);
  return out;
}

std::string page_of(const uuid& device) { return "/devices/" + device.text(); }

std::optional<library::kobo_arrival> arrival(db::tx& tx, const uuid& user, const uuid& device) {
  if (!own_kobo(tx, user, device)) return std::nullopt;
  return library::arrival_of_kobo(tx, device);
}

std::string event_of(const library::kobo_arrival& a) {
  json::object o{{"called", a.called_at.has_value()},
                 {"identified", a.identified},
                 {"library", a.synced},
                 {"fetched", a.fetched > 0},
                 {"model", a.model},
                 {"done", a.delivered},
                 {"all", a.wanted}};
  return "event: step\ndata: " + json::dump(o) + "\n\n";
}

task<> send_steps(const site& at, uuid user, uuid device, http::sink& out) {
  auto executor = co_await boost::asio::this_coro::executor;
  boost::asio::steady_timer timer(executor);
  auto end = std::chrono::steady_clock::now() + longest_stream;
  std::string before;
  for (int quiet = 0; std::chrono::steady_clock::now() < end; ++quiet) {
    if (at.with.stopping && at.with.stopping()) co_return;
    std::optional<library::kobo_arrival> now = co_await at.with.pool.read(arrival, user, device);
    if (!now) co_return;
    std::string text = event_of(*now);
    bool changed = text != before;
    if (changed || quiet >= 15) {
      co_await out.write(changed ? std::string_view(text) : std::string_view(": still here\n\n"));
      quiet = 0;
      before = text;
    }
    timer.expires_after(std::chrono::milliseconds{500});
    co_await timer.async_wait(boost::asio::use_awaitable);
  }
}

}  // namespace

answer kobo_again(const site& at, http::context& c) {
  visit v = co_await visit_of(at, c);
  v.need(library::capability::keep_devices);
  uuid id = id_param(c, "id");
  http::form form(c.in);
  std::vector<uuid> books;
  for (const std::string& text : form.all("book")) {
    if (std::optional<uuid> book = id_of(text)) books.push_back(*book);
  }
  std::optional<int> queued = co_await at.with.pool.write(again, v.id(), id, books);
  if (!queued) not_here(v);
  co_return done(v, back_path(form, page_of(id)), *queued > 0 ? "kobo.again" : "kobo.nothing", id.text());
}

answer kobo_reset(const site& at, http::context& c) {
  visit v = co_await visit_of(at, c);
  v.need(library::capability::keep_devices);
  uuid id = id_param(c, "id");
  http::form form(c.in);
  std::optional<int> queued = co_await at.with.pool.write(reset, v.id(), id, form.has("lift_removed"));
  if (!queued) not_here(v);
  co_return done(v, page_of(id), "kobo.reset", id.text());
}

answer kobo_take_back(const site& at, http::context& c) {
  visit v = co_await visit_of(at, c);
  v.need(library::capability::keep_devices);
  uuid id = id_param(c, "id");
  bool there = co_await at.with.pool.write(take_back, v.id(), id);
  if (!there) not_here(v);
  co_return done(v, page_of(id), "undone");
}

answer kobo_agree(const site& at, http::context& c) {
  visit v = co_await visit_of(at, c);
  v.need(library::capability::keep_devices);
  uuid id = id_param(c, "id");
  bool there = co_await at.with.pool.write(agree, v.id(), id);
  if (!there) not_here(v);
  co_return done(v, page_of(id), "saved");
}

answer kobo_choices(const site& at, http::context& c) {
  visit v = co_await visit_of(at, c);
  v.need(library::capability::keep_devices);
  uuid id = id_param(c, "id");
  http::form form(c.in);
  json::object wishes = wishes_of(form);
  bool there = co_await at.with.pool.write(choose, v.id(), id, wishes);
  if (!there) not_here(v);
  co_return done(v, page_of(id), "saved");
}

answer kobo_live(const site& at, http::context& c) {
  visit v = co_await visit_of(at, c);
  uuid id = id_param(c, "id"), user = v.id();
  bool there = co_await at.with.pool.read(own_kobo, user, id);
  if (!there) not_here(v);
  http::response out;
  out.set("Content-Type", "text/event-stream").set("Cache-Control", "no-store").set("X-Accel-Buffering", "no");
  http::producer stream = [&at, user, id](http::sink& to) { return send_steps(at, user, id, to); };
  out.body = std::move(stream);
  co_return out;
}

}  // namespace carrel::web
