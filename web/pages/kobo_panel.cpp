#include "web/pages/kobo_panel.hpp"

#include <algorithm>

#include "server/core/text.hpp"
#include "web/format.hpp"

namespace carrel::web {
namespace {

constexpr std::size_t shown_books = 50;
constexpr int shown_events = 30;

struct mark {
  const char *state, *key, *tone;
};
constexpr mark marks[]{{"wanted", "kobo.state.wanted", ""},
                       {"announced", "kobo.state.announced", ""},
                       {"acknowledged", "kobo.state.acknowledged", ""},
                       {"fetched", "kobo.state.fetched", "good"},
                       {"opened", "kobo.state.opened", "good"},
                       {"removed-by-device", "kobo.state.removed", "warn"},
                       {"retiring", "kobo.state.retiring", ""},
                       {"gone", "kobo.state.gone", ""}};

// What was seen when, for "Why?".
std::vector<view> evidence(const visit& v, const library::ledger_book& b) {
  std::vector<view> out;
  auto add = [&](const char* key, const std::optional<instant>& at) {
    if (!at) return;
    view one;
    one.set("what", v.say.text(key)).set("when", moment(v.say, *at));
    out.push_back(std::move(one));
  };
  add("kobo.seen.announced", b.announced_at);
  add("kobo.seen.delivered", b.delivered_at);
  add("kobo.seen.cover", b.cover_at);
  add("kobo.seen.metadata", b.metadata_at);
  add("kobo.seen.started", b.download_started_at);
  add("kobo.seen.fetched", b.fetched_at);
  add("kobo.seen.state", b.state_at);
  add("kobo.seen.notes", b.annotations_at);
  add("kobo.seen.inventory", b.inventory_at);
  add(b.taken_off ? "kobo.seen.taken_off" : "kobo.seen.removed", b.removed_at);
  return out;
}

// The word and the colour.
view ledger_mark(const visit& v, const library::ledger_book& b) {
  view out;
  auto at = std::find_if(std::begin(marks), std::end(marks), [&](const mark& m) { return b.state == m.state; });
  std::string words = at == std::end(marks) ? "" : v.say.text(at->key), tone = at == std::end(marks) ? "" : at->tone;
  if (b.taken_off) words = v.say.text("kobo.state.taken_off");
  if (b.kept) words = v.say.text("kobo.state.kept");
  if (b.preparing)
    words = v.say.text("kobo.state.preparing"), tone = "";
  else if (b.pending)
    words = v.say.text("kobo.state.pending"), tone = "warn";
  if (b.doubt) {
    words = v.say.text(b.doubt->reason == "silent" ? "kobo.state.missing" : "kobo.state.doubtful");
    tone = "warn";
    out.set("doubt", v.say.text("kobo.doubt." + b.doubt->reason));
    out.set("doubt_since", moment(v.say, b.doubt->since));
  }
  return out.set("state", words).set("tone", tone);
}

// What needs an eye first; what is gone from the device is not worth a line.
std::vector<const library::ledger_book*> in_order(const std::vector<library::ledger_book>& all) {
  std::vector<const library::ledger_book*> out;
  for (const library::ledger_book& b : all) {
    if (b.state != "gone" || b.doubt || b.taken_off) out.push_back(&b);
  }
  auto rank = [](const library::ledger_book* b) {
    return b->doubt ? 0 : b->state == "removed-by-device" || b->taken_off ? 1 : 2;
  };
  std::stable_sort(out.begin(), out.end(),
                   [&](const library::ledger_book* a, const library::ledger_book* b) { return rank(a) < rank(b); });
  return out;
}

std::string summary(const visit& v, const std::vector<const library::ledger_book*>& all) {
  int there = 0, waiting = 0, doubtful = 0, removed = 0;
  for (const library::ledger_book* b : all) {
    if (b->doubt)
      ++doubtful;
    else if (b->state == "fetched" || b->state == "opened")
      ++there;
    else if (b->state == "removed-by-device" || b->taken_off)
      ++removed;
    else if (b->state != "retiring" && b->state != "gone")
      ++waiting;
  }
  std::string out = v.say.say("kobo.summary", {{"there", std::to_string(there)}, {"waiting", std::to_string(waiting)}});
  if (doubtful > 0) out += ", " + v.say.say("kobo.summary.doubtful", {{"count", std::to_string(doubtful)}});
  if (removed > 0) out += ", " + v.say.say("kobo.summary.removed", {{"count", std::to_string(removed)}});
  return out;
}

view row_view(const visit& v, const library::ledger_row& r, std::size_t first) {
  std::vector<const library::ledger_book*> all = in_order(r.books);
  std::vector<view> books;
  first = first < all.size() ? first : 0;
  for (std::size_t i = first; i < std::min(first + shown_books, all.size()); ++i) books.push_back(book_line(v, *all[i]));
  view out;
  out.set("model", r.model.empty() ? v.say.text("kobo.reader") : r.model).set("firmware", r.firmware);
  out.set("books", books).set("summary", summary(v, all));
  moment(v.say, r.last_sync_at, out, "synced");
  out.set("guarded", r.guarded_since ? v.say.count("kobo.guarded", r.guarded_count) : "");
  bool more = first + shown_books < all.size();
  std::string earlier = first <= shown_books ? "" : std::to_string(first - shown_books);
  out.set("previous", first == 0 ? "" : query_with(v.c.in, "from", earlier));
  out.set("next", more ? query_with(v.c.in, "from", std::to_string(first + shown_books)) : "");
  return out;
}

std::vector<view> event_lines(const visit& v, const kobo_data& data) {
  std::vector<view> out;
  auto title_of = [&](const std::optional<uuid>& id) -> std::string {
    if (!id || data.rows.empty()) return "";
    const std::vector<library::ledger_book>& all = data.rows.front().books;
    auto at = std::find_if(all.begin(), all.end(),
                           [&](const library::ledger_book& b) { return b.entitlement == *id || b.book == *id; });
    return at == all.end() ? "" : at->title;
  };
  for (const library::device_event& e : data.events) {
    view one;
    one.set("when", moment(v.say, e.at)).set("words", v.say.text("kobo.event." + e.what));
    one.set("title", title_of(e.entitlement));
    bool spoken =
        e.what == library::event::failed || e.what == library::event::smaller_pages || e.what == library::event::guarded;
    one.set("detail", spoken ? e.detail : "");
    out.push_back(std::move(one));
  }
  return out;
}

}  // namespace

kobo_data load_kobo(db::tx& tx, const uuid& device) {
  kobo_data out;
  out.rows = library::kobo_ledger(tx, device);
  if (!out.rows.empty() && out.rows.front().row) out.events = library::recent_events(tx, *out.rows.front().row, shown_events);
  out.unsuitable = library::unsuitable_books(tx, device);
  out.options = library::kobo_options_of(tx, device);
  out.arrival = library::arrival_of_kobo(tx, device);
  out.hidden = library::hidden_collections(tx, device);
  return out;
}

view book_line(const visit& v, const library::ledger_book& b) {
  view out = ledger_mark(v, b);
  out.set("title", b.title).set("id", b.book ? b.book->text() : "");
  out.set("evidence", evidence(v, b));
  moment(v.say, b.last_seen_at, out, "seen");
  out.set("may_send", b.book.has_value() && (b.taken_off || (b.state != "gone" && b.state != "retiring")));
  return out;
}

void fill_kobo(const visit& v, const kobo_data& data, view& out) {
  std::size_t first =
      static_cast<std::size_t>(std::max<std::int64_t>(0, to_integer(v.c.in.query("from").value_or("0")).value_or(0)));
  view panel;
  std::vector<view> rows;
  bool came = false, asked = false;
  for (const library::ledger_row& r : data.rows) {
    rows.push_back(row_view(v, r, first));
    came = came || r.row.has_value();
    asked = asked || r.again_asked || r.reset_asked_at.has_value();
  }
  panel.set("readers", rows).set("several", data.rows.size() > 1).set("came", came).set("asked", asked);
  std::vector<view> unsuitable;
  for (const library::unsuitable_book& b : data.unsuitable) {
    view one;
    one.set("id", b.book.text()).set("title", b.title).set("reason", v.say.text("kobo.unsuitable." + b.reason));
    unsuitable.push_back(std::move(one));
  }
  std::vector<view> hidden;
  for (const library::hidden_collection& h : data.hidden)
    hidden.push_back(view().set("shelf", h.shelf.text()).set("list", h.name));
  panel.set("hidden", hidden);
  panel.set("unsuitable", unsuitable).set("events", event_lines(v, data));
  const library::kobo_options& o = data.options;
  panel.set("paused", o.paused)
      .set("collections", o.collections)
      .set("positions", o.positions)
      .set("read_only", o.read_only)
      .set("highlights", o.highlights);
  panel.set("by_ledger", o.by_ledger);
  panel.set("largest", o.largest == 0 ? "" : std::to_string(o.largest / 1'000'000));
  panel.set("policy_server", !o.put_back).set("policy_respect", o.put_back == false).set("policy_put_back", o.put_back == true);
  panel.set("heal_server", !o.heal).set("heal_on", o.heal == true).set("heal_off", o.heal == false);
  panel.set("kepub_server", !o.kepub).set("kepub_on", o.kepub == true).set("kepub_off", o.kepub == false);
  for (const char* word : {"on", "off", "never"}) panel.set(std::string("hyphenation_") + word, o.hyphenation == word);
  panel.set("store_server", !o.passthrough).set("store_on", o.passthrough == true).set("store_off", o.passthrough == false);
  out.set("kobo", std::move(panel));
}

void fill_arrival(const visit& v, const uuid& device, const library::kobo_arrival& a, view& out) {
  auto step = [&](const char* name, bool reached, const std::string& detail) {
    view one;
    one.set("name", name)
        .set("words", v.say.text(std::string("kobo.live.") + name))
        .set("reached", reached)
        .set("detail", detail);
    return one;
  };
  std::string model = a.model + (a.firmware.empty() ? "" : " " + a.firmware);
  std::string progress =
      v.say.say("kobo.live.progress", {{"done", std::to_string(a.delivered)}, {"all", std::to_string(a.wanted)}});
  out.set("live_steps", {step("called", a.called_at.has_value(), ""), step("identified", a.identified, model),
                         step("library", a.synced, a.announced > 0 ? progress : ""), step("fetched", a.fetched > 0, "")});
  out.set("live_device", device.text()).set("live_done", a.fetched > 0);
}

}  // namespace carrel::web
