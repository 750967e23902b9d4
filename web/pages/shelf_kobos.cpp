#include "web/pages/shelf_kobos.hpp"

#include <algorithm>

#include "library/kobo_options.hpp"
#include "web/format.hpp"
#include "web/pages/kobo_panel.hpp"

namespace carrel::web {
namespace {

const library::ledger_row& newest_reader(const fed_kobo& k) { return k.rows.front(); }

const library::ledger_book* ledger_of(const fed_kobo& k, const uuid& book) {
  const std::vector<library::ledger_book>& all = newest_reader(k).books;
  auto at = std::find_if(all.begin(), all.end(), [&](const library::ledger_book& b) { return b.book == book; });
  return at == all.end() ? nullptr : &*at;
}

bool holds_all(const fed_kobo& k, const std::vector<uuid>& shown) {
  return std::all_of(shown.begin(), shown.end(), [&](const uuid& book) { return ledger_of(k, book) != nullptr; });
}

// "+3 −1 ~2", or why there is nothing to expect.
std::string next_words(const visit& v, const fed_kobo& k) {
  if (k.paused) return v.say.text("kobo.paused");
  if (k.next.added + k.next.removed + k.next.changed == 0) return v.say.text("kobo.next_sync.none");
  std::string plus = v.say.number(k.next.added), minus = v.say.number(k.next.removed), changed = v.say.number(k.next.changed);
  return v.say.say("kobo.next_sync", {{"plus", plus}, {"minus", minus}, {"changed", changed}});
}

// What needs its owner, before that it is well (product.md 4.6).
void fill_light(const visit& v, const fed_kobo& k, view& out) {
  const library::ledger_row& r = newest_reader(k);
  bool doubtful = std::any_of(r.books.begin(), r.books.end(), [](const library::ledger_book& b) { return b.doubt.has_value(); });
  bool look = doubtful || r.guarded_since.has_value();
  std::string_view state = !r.row ? "new" : look ? "look" : k.paused ? "paused" : "well";
  out.set("lit", state == "well").set("light", v.say.text("kobo.light." + std::string(state)));
}

view unsuitable_mark(const visit& v, const fed_kobo& k, const uuid& book) {
  auto at =
      std::find_if(k.unsuitable.begin(), k.unsuitable.end(), [&](const library::unsuitable_book& b) { return b.book == book; });
  view out;
  out.set("state", v.say.text("kobo.state.unsuitable")).set("tone", "warn");
  // A book that is none of the device's at all still waits for its approval.
  return out.set("doubt", v.say.text("kobo.unsuitable." + (at == k.unsuitable.end() ? "review" : at->reason)));
}

}  // namespace

std::vector<fed_kobo> load_fed_kobos(db::tx& tx, const std::vector<library::device>& fed, const std::vector<uuid>& shown) {
  std::vector<fed_kobo> out;
  for (const library::device& d : fed) {
    if (d.kind != "kobo") continue;
    fed_kobo k{.device = d,
               .rows = library::kobo_ledger(tx, d.id, shown),
               .next = library::next_sync_of(tx, d.id),
               .unsuitable = {},
               .paused = library::kobo_options_of(tx, d.id).paused};
    if (!holds_all(k, shown)) k.unsuitable = library::unsuitable_books(tx, d.id);
    out.push_back(std::move(k));
  }
  return out;
}

std::vector<view> kobo_strip(const visit& v, const std::vector<fed_kobo>& all) {
  std::vector<view> out;
  for (const fed_kobo& k : all) {
    view one;
    one.set("device", k.device.id.text()).set("name", k.device.name).set("words", next_words(v, k)).set("paused", k.paused);
    moment(v.say, newest_reader(k).last_sync_at, one, "synced");
    fill_light(v, k, one);
    one.set("came", newest_reader(k).row.has_value());
    out.push_back(std::move(one));
  }
  return out;
}

std::vector<view> marks_of(const visit& v, const std::vector<fed_kobo>& all, const uuid& book) {
  std::vector<view> out;
  for (const fed_kobo& k : all) {
    const library::ledger_book* b = ledger_of(k, book);
    view one = b ? book_line(v, *b) : unsuitable_mark(v, k, book);
    one.set("why", b == nullptr || b->doubt || b->last_seen_at || b->announced_at || b->removed_at);
    one.set("mend", b != nullptr && (b->doubt || b->state == "removed-by-device"));
    one.set("device", k.device.id.text()).set("device_name", k.device.name);
    out.push_back(std::move(one));
  }
  return out;
}

}  // namespace carrel::web
