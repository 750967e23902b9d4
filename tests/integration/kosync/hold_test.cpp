// Rules E1 to E3 of kosync.md 9.4 for devices with a password of their own, and the policies 9.3 and 9.5.
#include <catch2/catch.hpp>

#include "library/position.hpp"
#include "tests/integration/kosync/world.hpp"

using namespace carrel;
using namespace carrel::kosync::tests;
using namespace std::chrono_literals;

namespace {

struct three_devices {
  explicit three_devices(settings s = {}) : w(std::move(s)) {}
  world w;
  uuid ada = w.add_user("ada");
  reader tablet = w.device(ada, "ada", "Tablet"), phone = w.device(ada, "ada", "Phone"), kobo = w.device(ada, "ada", "Kobo");
  set_time clock{now()};

  double current(const std::string& document = "d") {
    auto found = w.other().read_now([&](db::tx& tx) { return library::get_positions(tx, {{ada, document, std::nullopt}}); });
    return found[0] ? found[0]->percentage : -1;
  }
  past last(const std::string& document = "d") { return history_of(w, ada, document).back(); }
};

}  // namespace

TEST_CASE("E1: a push that never saw the newer place of another device is kept aside") {
  three_devices t;
  t.phone.push("d", 0.9, "p9");
  t.clock.pass(60s);
  reply r = t.tablet.push("d", 0.1, "p1");
  CHECK(r.status == 200);
  CHECK(r.text("document") == "d");
  CHECK_FALSE(r.text("timestamp").empty());
  CHECK(t.phone.get("d").text("percentage") == "0.9");
  CHECK(history_of(t.w, t.ada, "d") == std::vector<past>{{0.9, true, ""}, {0.1, false, "unseen"}});
  CHECK(t.w.other().read_now([&](db::tx& tx) { return library::held_positions(tx, t.ada, 10).size(); }) == 1);
}

TEST_CASE("E1: repeats of a held push are one row") {
  three_devices t;
  t.phone.push("d", 0.9, "p9");
  for (int i = 0; i < 3; ++i) {
    t.clock.pass(60s);
    t.tablet.push("d", 0.1, "p1");
  }
  t.tablet.push("d", 0.2, "p2");
  CHECK(history_of(t.w, t.ada, "d") == std::vector<past>{{0.9, true, ""}, {0.1, false, "unseen"}, {0.2, false, "unseen"}});
}

TEST_CASE("a held push leaves errata when its device goes on and is accepted") {
  three_devices t;
  auto held = [&] { return t.w.other().read_now([&](db::tx& tx) { return library::held_positions(tx, t.ada, 10).size(); }); };
  t.phone.push("d", 0.9, "p9");
  t.phone.push("e", 0.9, "e9");
  t.clock.pass(60s);
  t.tablet.push("d", 0.1, "p1");
  t.tablet.push("d", 0.15, "p15");
  t.tablet.push("e", 0.2, "e2");
  t.kobo.push("d", 0.3, "k3");
  CHECK(held() == 4);
  CHECK(t.tablet.get("d").text("percentage") == "0.9");
  CHECK(held() == 4);  // it has been shown the place, and may still say what it thinks of it
  t.clock.pass(60s);
  t.tablet.push("d", 0.95, "p95");
  CHECK(held() == 2);  // of the other document, and of the device that has said nothing yet
  CHECK(history_of(t.w, t.ada, "d") ==
        std::vector<past>{
            {0.9, true, ""}, {0.1, false, "unseen"}, {0.15, false, "unseen"}, {0.3, false, "unseen"}, {0.95, true, ""}});
  auto kept = t.w.other().read_now([&](db::tx& tx) { return library::positions_of_document(tx, t.ada, "d", 10); });
  CHECK(t.w.other().write_now([&](db::tx& tx) { return library::restore_position(tx, t.ada, kept.at(3).id); })->percentage ==
        0.1);
}

TEST_CASE("a held push and the accepted one that follows it may come in one batch") {
  three_devices t;
  t.phone.push("d", 0.9, "p9");
  uuid tablet = t.w.other().read_now([&](db::tx& tx) {
    for (const library::device& d : library::devices(tx, t.ada)) {
      if (d.name == "Tablet") return d.id;
    }
    return uuid{};
  });
  std::vector<library::position> pushes(2);
  for (library::position& p : pushes) {
    p.user = t.ada;
    p.document = "d";
    p.device = "Tablet";
    p.credential = tablet;
    p.device_key = "c:" + tablet.text();
    p.timestamp = unix_seconds(now());
  }
  pushes[0].progress = "p1";
  pushes[0].percentage = 0.1;
  pushes[1].progress = "p95";
  pushes[1].percentage = 0.95;
  auto stored = t.w.other().write_now([&](db::tx& tx) { return library::put_positions(tx, pushes, {}); });
  CHECK_FALSE(stored.at(0).accepted);
  CHECK(stored.at(1).accepted);
  CHECK(t.w.other().read_now([&](db::tx& tx) { return library::held_positions(tx, t.ada, 10).empty(); }));
}

TEST_CASE("E1: who has fetched the place may go back") {
  three_devices t;
  t.phone.push("d", 0.9, "p9");
  t.clock.pass(60s);
  CHECK(t.tablet.get("d").text("percentage") == "0.9");
  t.clock.pass(60s);
  t.tablet.push("d", 0.1, "p1");
  CHECK(t.current() == 0.1);
  t.clock.pass(60s);
  t.kobo.push("d", 0.05, "p05");  // knows neither
  CHECK(t.current() == 0.1);
  CHECK(t.last() == past{0.05, false, "unseen"});
}

TEST_CASE("E1: a fetch before the newer push does not count") {
  three_devices t;
  t.phone.push("d", 0.5, "p5");
  t.tablet.get("d");
  t.clock.pass(60s);
  t.phone.push("d", 0.9, "p9");
  t.clock.pass(60s);
  t.tablet.push("d", 0.1, "p1");
  CHECK(t.current() == 0.9);
}

TEST_CASE("E1: a repeat of the known place by its author changes nothing for those who know it") {
  three_devices t;
  t.phone.push("d", 0.9, "p9");
  t.tablet.get("d");
  t.clock.pass(60s);
  t.phone.push("d", 0.9, "p9");
  t.clock.pass(60s);
  t.tablet.push("d", 0.1, "p1");
  CHECK(t.current() == 0.1);
}

TEST_CASE("E1: HEAD shows nothing") {
  three_devices t;
  t.phone.push("d", 0.9, "p9");
  t.w.send("HEAD", "/kosync/syncs/progress/d", t.tablet.sign_in());
  t.tablet.push("d", 0.1, "p1");
  CHECK(t.current() == 0.9);
}

TEST_CASE("a device may always rewind itself, and anybody may go forward") {
  three_devices t;
  t.phone.push("d", 0.9, "p9");
  t.phone.push("d", 0.2, "p2");
  CHECK(t.current() == 0.2);
  t.tablet.push("d", 0.3, "p3");
  CHECK(t.current() == 0.3);
  t.kobo.push("d", 0.2951, "p29");  // less than half a percent behind: the same page
  CHECK(t.current() == 0.2951);
}

TEST_CASE("E2: a device that repeats where it stood before is not going back") {
  three_devices t;
  t.tablet.push("d", 0.3, "p3");
  t.clock.pass(60s);
  t.phone.push("d", 0.9, "p9");
  t.clock.pass(60s);
  t.tablet.get("d");
  t.clock.pass(60s);
  t.tablet.push("d", 0.3, "p3");
  CHECK(t.current() == 0.9);
  CHECK(t.last() == past{0.3, false, "echo"});
  t.clock.pass(60s);
  t.tablet.push("d", 0.31, "p31");  // and then it reads on there: the reader wanted to
  CHECK(t.current() == 0.31);
}

TEST_CASE("E3: a queue that empties itself does not go back, a person who has just asked does") {
  three_devices t;
  t.phone.push("d", 0.9, "p9");
  t.tablet.get("d");
  t.clock.pass(60s);
  t.tablet.push("e", 0.5, "e5");
  t.clock.pass(2s);
  t.tablet.push("d", 0.1, "p1");
  CHECK(t.current() == 0.9);
  CHECK(t.last() == past{0.1, false, "burst"});

  t.clock.pass(60s);
  t.tablet.push("e", 0.51, "e51");
  t.clock.pass(6s);
  t.tablet.get("d");
  t.tablet.push("d", 0.15, "p15");
  CHECK(t.current() == 0.15);
}

TEST_CASE("E3: ten seconds later it is no burst any more") {
  three_devices t;
  t.phone.push("d", 0.9, "p9");
  t.tablet.get("d");
  t.clock.pass(60s);
  t.tablet.push("e", 0.5, "e5");
  t.clock.pass(10s);
  t.tablet.push("d", 0.1, "p1");
  CHECK(t.current() == 0.1);
}

TEST_CASE("devices with one password are never held, whatever they know") {
  world w;
  reader alice = w.shared("alice");
  alice.push("d", 0.9, "p9", "B", "BB");
  alice.push("d", 0.1, "p1", "C", "CC");
  CHECK(alice.get("d").text("percentage") == "0.1");
}

TEST_CASE("holding is turned off by the setting and by the reader, and on again") {
  three_devices off(settings{{"kosync.hold_stale", "off"}});
  off.phone.push("d", 0.9, "p9");
  off.tablet.push("d", 0.1, "p1");
  CHECK(off.current() == 0.1);

  off.w.other().write_now([&](db::tx& tx) { library::set_position_policy(tx, off.ada, std::nullopt, true); });
  off.phone.get("d");
  off.clock.pass(60s);
  off.phone.push("d", 0.8, "p8");
  off.kobo.push("d", 0.1, "p01");
  CHECK(off.current() == 0.8);

  three_devices on;
  on.w.other().write_now([&](db::tx& tx) { library::set_position_policy(tx, on.ada, "latest", false); });
  on.phone.push("d", 0.9, "p9");
  on.tablet.push("d", 0.1, "p1");
  CHECK(on.current() == 0.1);
}

TEST_CASE("policy furthest keeps the greatest place of all devices") {
  three_devices t(settings{{"kosync.policy", "furthest"}});
  t.phone.push("d", 0.6, "p6");
  t.tablet.push("d", 0.4, "t4");
  CHECK(t.current() == 0.6);
  CHECK(t.last() == past{0.4, true, ""});
  t.kobo.push("d", 0.5, "k5");
  CHECK(t.current() == 0.6);
  t.phone.push("d", 0.45, "p45");  // it goes back, and another device is further
  CHECK(t.current() == 0.5);
  CHECK(t.tablet.get("d").text("progress") == "k5");
  t.tablet.push("d", 0.7, "t7");
  CHECK(t.current() == 0.7);
}

TEST_CASE("policy furthest starts again when the furthest device does") {
  three_devices t(settings{{"kosync.policy", "furthest"}});
  t.phone.push("d", 0.6, "p6");
  t.tablet.push("d", 0.9, "t9");
  t.phone.push("d", 0.01, "p01");  // not the furthest one
  CHECK(t.current() == 0.9);
  t.tablet.push("d", 0.02, "t02");
  CHECK(t.current() == 0.02);
  t.phone.push("d", 0.05, "p05");
  CHECK(t.current() == 0.05);
  t.phone.push("d", 0.03, "p03");  // a restart again; the tablet's 0.9 does not come back
  CHECK(t.current() == 0.03);
}

TEST_CASE("a reader's own policy wins over the setting") {
  three_devices t;
  t.w.other().write_now([&](db::tx& tx) { library::set_position_policy(tx, t.ada, "furthest", std::nullopt); });
  t.phone.push("d", 0.6, "p6");
  t.phone.get("d");
  t.tablet.get("d");
  t.tablet.push("d", 0.3, "p3");
  CHECK(t.current() == 0.6);
  CHECK(t.last() == past{0.3, true, ""});
}

TEST_CASE("two servers on one database judge as one") {
  three_devices t;
  world second({}, t.w.url());
  reader elsewhere = t.tablet;
  elsewhere.port = second.port();

  t.phone.push("d", 0.9, "p9");
  elsewhere.push("d", 0.1, "p1");
  CHECK(t.current() == 0.9);
  CHECK(elsewhere.get("d").text("percentage") == "0.9");  // shown there ...
  t.clock.pass(60s);
  t.tablet.push("d", 0.2, "p2");  // ... known here
  CHECK(t.current() == 0.2);
  CHECK(elsewhere.get("d").text("progress") == "p2");
}
