// What a reading app's own list still offers it (opds.md 13.2, 13.3).

#include "library/device_feed.hpp"
#include "web/format.hpp"
#include "web/pages/device_parts.hpp"
#include "web/pages/pages.hpp"

namespace carrel::web {
namespace {

constexpr int most_shown = 20;

using act = void (*)(db::tx&, const uuid& device);

bool do_with_own(db::tx& tx, uuid user, uuid device, act run) {
  if (!find_own_device(tx, user, device)) return false;
  run(tx, device);
  return true;
}

answer act_on(const site& at, http::context& c, act run, std::string_view said) {
  visit v = co_await visit_of(at, c);
  v.need(library::capability::keep_devices);
  uuid id = id_param(c, "id");
  bool found = co_await at.with.pool.write(do_with_own, v.id(), id, run);
  if (!found) not_here(v);
  co_return done(v, "/devices/" + id.text(), said, id.text());
}

}  // namespace

waiting_data load_waiting(db::tx& tx, const uuid& viewer, const library::device& d) {
  if (d.kind == "kobo") return {};
  library::taker whom = d.kind == "koreader" ? library::taker::koreader : library::taker::app;
  return {.any = library::has_waiting_books(tx, viewer, d.id, whom),
          .unfetched = library::unfetched_books(tx, viewer, d.id, most_shown)};
}

void fill_waiting(const visit& v, const waiting_data& data, view& out) {
  std::vector<view> all;
  for (const library::unfetched_book& b : data.unfetched) {
    view one;
    one.set("id", b.id.text()).set("title", b.title).set("when", moment(v.say, b.last_listed));
    all.push_back(one);
  }
  out.set("unfetched", all).set("any_unfetched", !all.empty()).set("any_waiting", data.any);
}

answer device_seen(const site& at, http::context& c) { return act_on(at, c, library::catch_up, "device.caught_up"); }
answer device_unseen(const site& at, http::context& c) { return act_on(at, c, library::undo_catch_up, "undone"); }

}  // namespace carrel::web
