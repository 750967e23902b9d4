// `/`: what one was reading, what is new, one's devices (product.md 4.3).

#include <algorithm>
#include <cmath>

#include "library/catalog.hpp"
#include "library/position.hpp"
#include "web/format.hpp"
#include "web/pages/pages.hpp"
#include "web/pages/parts.hpp"

namespace carrel::web {
namespace {

constexpr int most_new = 12;
constexpr std::chrono::minutes same_visit{30};  // looking again within it is still the same visit
constexpr std::chrono::minutes note_every{1};

constexpr db::statement sql_last_visit{"web.last_visit", "select seen_at, previous_at from visits where user_id = $1"};

constexpr db::statement sql_note_visit{"web.note_visit", R"sql(
  insert into visits as v (user_id, seen_at) values ($1, $2)
      on conflict (user_id) do update
     set previous_at = case when v.seen_at < $3 then v.seen_at else v.previous_at end, seen_at = $2)sql"};

// Who approves a book touches it, so the index of changes narrows this down.
constexpr db::statement sql_new_since{"web.new_since", R"sql(
  select b.id
    from visible_books($1) b
   where b.status = 'organized' and b.deleted_at is null and b.updated_at > $2::timestamptz - interval '1 minute' and b.approved_at > $2
   order by b.approved_at desc, b.id desc
   limit $3)sql"};

// When the last visit ended, and whether this one has to be written down.
struct last_visit {
  std::optional<instant> ended;
  bool note = true;
};

last_visit find_last_visit(db::tx& tx, const uuid& viewer) {
  db::rows rows = tx.run(sql_last_visit, viewer);
  if (rows.empty()) return {};
  instant seen = rows[0].at(0), at = now();
  if (seen + same_visit < at) return {.ended = seen, .note = true};
  return {.ended = rows[0].maybe_at(1), .note = seen + note_every < at};
}

void note_visit(db::tx& tx, uuid viewer) {
  instant at = now();
  tx.run(sql_note_visit, viewer, at, at - same_visit);
}

struct home_data {
  std::vector<library::reading> reading;
  std::vector<library::book> reading_books, fresh, newest, waiting;
  last_visit before;
  std::vector<library::device> devices;
  std::int64_t books = 0;
};

home_data load_home(db::tx& tx, uuid viewer, bool curates) {
  home_data out;
  out.reading = library::continue_reading(tx, viewer, 6);
  std::vector<uuid> ids;
  for (const library::reading& r : out.reading) ids.push_back(r.book);
  out.reading_books = library::load_books(tx, viewer, ids);
  out.before = find_last_visit(tx, viewer);
  std::vector<uuid> fresh;
  if (out.before.ended) {
    for (const db::row& r : tx.run(sql_new_since, viewer, *out.before.ended, most_new)) fresh.push_back(r.id(0));
  }
  out.fresh = library::load_books(tx, viewer, fresh);
  library::list newest;
  out.newest = library::browse(tx, viewer, newest, {}, 12).books;
  std::erase_if(out.newest, [&](const library::book& b) { return std::find(fresh.begin(), fresh.end(), b.id) != fresh.end(); });
  library::list waiting{.what = library::list::of::waiting, .id = {}, .language = {}};
  if (curates) out.waiting = library::browse(tx, viewer, waiting, {}, 3).books;
  out.devices = library::devices(tx, viewer);
  out.books = library::count_books(tx, viewer).books;
  return out;
}

std::vector<view> reading_cards(const visit& v, const home_data& data) {
  std::vector<view> out;
  for (const library::book& b : data.reading_books) {
    view shown = card(v.say, b);
    for (const library::reading& r : data.reading) {
      if (r.book != b.id) continue;
      shown.set("progress", std::lround(r.percentage * 100)).set("percent", percent_text(v.say, r.percentage));
      shown.set("device", r.device).set("seen", moment(v.say, r.at));
    }
    out.push_back(shown);
  }
  return out;
}

}  // namespace

answer home_page(const site& at, http::context& c) {
  visit v = co_await visit_of(at, c);
  home_data data = co_await at.with.pool.snapshot(load_home, v.id(), v.may(library::capability::curate));
  if (data.before.note) co_await at.with.pool.write(note_visit, v.id());

  view out;
  out.set("reading", reading_cards(v, data))
      .set("newest", cards(v.say, data.newest))
      .set("fresh", cards(v.say, data.fresh))
      .set("waiting", cards(v.say, data.waiting));
  std::vector<view> devices;
  for (const library::device& d : data.devices) devices.push_back(device_line(v, d));
  out.set("devices", devices).set("empty", data.books == 0).set("name", v.user->name);
  out.set("count_words", v.say.count("books.count", data.books));
  out.set("waiting_words", v.say.count("home.waiting", v.counts.inbox));
  co_return show(v, {v.say.text("nav.home"), "home"}, "home", std::move(out));
}

}  // namespace carrel::web
