#pragma once
// A shop with one Kobo, its owner, and what is remembered of it.

#include <catch2/catch.hpp>

#include "kobo/signals.hpp"
#include "library/kobo_acts.hpp"
#include "library/kobo_events.hpp"
#include "library/kobo_options.hpp"
#include "tests/integration/kobo/shop.hpp"

namespace carrel::kobo::tests {

using strings = std::vector<std::string>;

struct clock_at {
  explicit clock_at(instant t) { set_clock(t); }
  ~clock_at() { set_clock(std::nullopt); }
};

struct one_kobo : shop {
  uuid kobo = add_kobo("Clara");
  reader r;
  instant start = now();

  std::vector<uuid> fill(int count) {
    std::vector<uuid> out;
    for (int i = 0; i < count; ++i) {
      out.push_back(add_book("Book " + std::to_string(i)));
      shelve(out.back(), true);
    }
    return out;
  }
  void whole() { complete_sync(*this, kobo, r); }
  void show(signal what, const strings& ids) {
    std::vector<uuid> all;
    for (const std::string& id : ids) all.push_back(*uuid::parse(id));
    with_row(kobo, [&](db::tx& tx, const kobo_row& k) { note_signals(tx, k, what, all); });
  }
  strings events() {
    strings out;
    with_row(kobo, [&](db::tx& tx, const kobo_row& k) {
      for (const library::device_event& e : library::recent_events(tx, k.ids.row, 50)) out.push_back(e.what);
    });
    return out;
  }
  bool happened(std::string_view what) {
    strings all = events();
    return std::find(all.begin(), all.end(), what) != all.end();
  }
  void choose(const json::object& o) {
    db.pool().write_now([&](db::tx& tx) { REQUIRE(library::change_kobo_options(tx, kobo, o).value()); });
  }
};

}  // namespace carrel::kobo::tests
