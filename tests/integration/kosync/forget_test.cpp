// The setting kosync.history: old positions go, what still counts stays.
#include <catch2/catch.hpp>

#include "library/position.hpp"
#include "tests/integration/kosync/world.hpp"

using namespace carrel;
using namespace carrel::kosync::tests;
using namespace std::chrono_literals;

TEST_CASE("old positions are forgotten in batches; current ones, a device's last and held ones stay") {
  world w;
  uuid ada = w.add_user("ada");
  reader tablet = w.device(ada, "ada", "Tablet"), phone = w.device(ada, "ada", "Phone");
  set_time clock{now() - 24h * 100};
  for (int i = 1; i <= 8; ++i) {
    tablet.push("d", i / 10.0, "p" + std::to_string(i), "Tablet", "TT");
    clock.pass(60s);
  }
  phone.push("d", 0.1, "behind", "Phone", "PP");  // never fetched what the tablet sent: held
  clock.pass(24h * 90);
  tablet.get("d");
  tablet.push("e", 0.5, "new", "Tablet", "TT");
  REQUIRE(history_of(w, ada, "d").size() == 9);

  instant before = now() - 24h * 30;
  auto forget = [&](instant when, int most) {
    return w.other().write_now([&](db::tx& tx) { return library::forget_positions(tx, when, most); });
  };
  CHECK(forget(now() - 24h * 365, 100) == 0);
  CHECK(forget(before, 5) == 5);
  CHECK(forget(before, 5) == 2);
  CHECK(forget(before, 5) == 0);
  CHECK(history_of(w, ada, "d") == std::vector<past>{{0.8, true, ""}, {0.1, false, "unseen"}});
  CHECK(history_of(w, ada, "e").size() == 1);
  CHECK(tablet.get("d").text("progress") == "p8");

  // A held one that a person has dismissed is as old as any other, once its device has moved on.
  auto held = w.other().read_now([&](db::tx& tx) { return library::held_positions(tx, ada, 10); });
  REQUIRE(held.size() == 1);
  w.other().write_now([&](db::tx& tx) { return library::settle_held(tx, ada, held[0].id, false); });
  phone.get("d");
  phone.push("d", 0.9, "caught up", "Phone", "PP");
  CHECK(forget(before, 5) == 1);
  CHECK(history_of(w, ada, "d") == std::vector<past>{{0.8, true, ""}, {0.9, true, ""}});
}
