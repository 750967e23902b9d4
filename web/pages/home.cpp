// `/`: what one was reading, what is new, one's devices (product.md 4.3).

#include "library/catalog.hpp"
#include "library/position.hpp"
#include "web/format.hpp"
#include "web/pages/pages.hpp"
#include "web/pages/parts.hpp"

namespace carrel::web {
namespace {

struct home_data {
  std::vector<library::reading> reading;
  std::vector<library::book> reading_books, newest, waiting;
  std::vector<library::device> devices;
  std::int64_t books = 0;
};

home_data load_home(db::tx& tx, uuid viewer, bool curates) {
  home_data out;
  out.reading = library::continue_reading(tx, viewer, 6);
  std::vector<uuid> ids;
  for (const library::reading& r : out.reading) ids.push_back(r.book);
  out.reading_books = library::load_books(tx, viewer, ids);
  library::list newest;
  out.newest = library::browse(tx, viewer, newest, {}, 12).books;
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
      shown.set("progress", static_cast<int>(r.percentage * 100 + 0.5)).set("percent", percent_text(v.say, r.percentage));
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

  view out;
  out.set("reading", reading_cards(v, data)).set("newest", cards(v.say, data.newest)).set("waiting", cards(v.say, data.waiting));
  std::vector<view> devices;
  for (const library::device& d : data.devices) devices.push_back(device_line(v, d));
  out.set("devices", devices).set("empty", data.books == 0).set("name", v.user->name);
  out.set("count_words", v.say.count("books.count", data.books));
  out.set("waiting_words", v.say.count("home.waiting", v.counts.inbox));
  co_return show(v, {v.say.text("nav.home"), "home"}, "home", std::move(out));
}

}  // namespace carrel::web
