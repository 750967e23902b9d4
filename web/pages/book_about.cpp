#include "web/pages/book_about.hpp"

#include <algorithm>

#include "web/format.hpp"
#include "web/pages/kobo_panel.hpp"

namespace carrel::web {
namespace {

constexpr int newest_events = 30;

constexpr db::statement sql_origins{"web.file_origins", R"sql(
  select distinct on (i.file_id) i.file_id, i.source
    from book_files f
    join ingest_items i on i.file_id = f.id
   where f.book_id = $1
   order by i.file_id, i.created_at)sql"};

constexpr db::statement sql_fetched{"web.fetched_by_devices", R"sql(
  select w.device_id, max(w.at)
    from downloads w
    join devices d on d.id = w.device_id and d.user_id = $1
   where w.book_id = $2
   group by w.device_id)sql"};

// Of the reader that was seen last.
std::optional<library::ledger_book> on_kobo(db::tx& tx, const uuid& device, const uuid& book) {
  std::vector<library::ledger_row> rows = library::kobo_ledger(tx, device, std::vector<uuid>{book});
  if (rows.empty() || rows.front().books.empty()) return std::nullopt;
  return std::move(rows.front().books.front());
}

std::vector<book_on_device> devices_of(db::tx& tx, const uuid& viewer, const uuid& book) {
  std::map<uuid, instant> fetched;
  for (const db::row& r : tx.run(sql_fetched, viewer, book)) fetched.emplace(r.id(0), r.at(1));
  std::vector<book_on_device> out;
  for (library::device& d : library::devices(tx, viewer)) {
    book_on_device one;
    if (d.kind == "kobo") one.ledger = on_kobo(tx, d.id, book);
    auto at = fetched.find(d.id);
    if (at != fetched.end() && d.kind != "kobo") one.fetched_at = at->second;
    if (!one.ledger && !one.fetched_at) continue;
    one.device = std::move(d);
    out.push_back(std::move(one));
  }
  return out;
}

view device_view(const visit& v, const book_on_device& d) {
  view out;
  if (d.ledger) {
    out = book_line(v, *d.ledger);
  } else {
    out.set("state", v.say.text("kobo.state.fetched")).set("tone", "good").set("may_send", false);
    out.set("evidence", std::vector<view>());
    moment(v.say, d.fetched_at, out, "seen");
  }
  bool kobo = d.ledger.has_value();
  bool there = kobo && (d.ledger->state == "fetched" || d.ledger->state == "opened" || d.ledger->state == "acknowledged");
  out.set("device", d.device.id.text()).set("device_name", d.device.name).set("may_take_off", there && !d.ledger->taken_off);
  return out;
}

std::string event_words(const messages& say, const std::string& action) {
  std::string key = "log." + action;
  return say.has(key) ? say.text(key) : action;
}

}  // namespace

book_about load_about(db::tx& tx, const uuid& viewer, const uuid& book, bool curates) {
  book_about out;
  for (const db::row& r : tx.run(sql_origins, book)) out.origins.emplace(r.id(0), r.text(1));
  out.devices = devices_of(tx, viewer, book);
  if (curates) out.log = library::history_of(tx, book, newest_events);
  return out;
}

std::string origin_words(const visit& v, const book_about& about, const uuid& file, bool external) {
  if (external) return v.say.text("file.origin.external");
  auto at = about.origins.find(file);
  return at == about.origins.end() ? "" : v.say.text("file.origin." + at->second);
}

void fill_about(const visit& v, const book_about& about, view& out) {
  std::vector<view> devices, log;
  for (const book_on_device& d : about.devices) devices.push_back(device_view(v, d));
  for (const library::audit_entry& e : about.log) {
    view one;
    one.set("event", event_words(v.say, e.action)).set("by", e.actor).set("when", moment(v.say, e.at));
    log.push_back(one);
  }
  out.set("on_devices", devices).set("log", log);
}

}  // namespace carrel::web
