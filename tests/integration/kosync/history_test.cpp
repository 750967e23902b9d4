// Going back to an earlier place, and what becomes of held ones (kosync.md 9.6).
#include <catch2/catch.hpp>

#include <algorithm>

#include "library/position.hpp"
#include "tests/harness/eventually.hpp"
#include "tests/integration/kosync/world.hpp"

using namespace carrel;
using namespace carrel::kosync::tests;
using namespace std::chrono_literals;

namespace {

struct two_devices {
  world w;
  uuid ada = w.add_user("ada"), ben = w.add_user("ben");
  reader tablet = w.device(ada, "ada", "Tablet"), phone = w.device(ada, "ada", "Phone");
  set_time clock{now()};

  std::vector<library::position_row> rows() {
    return w.other().read_now([&](db::tx& tx) { return library::positions_of_document(tx, ada, "d", 100); });
  }
  template <class F>
  auto change(F f) {
    return w.other().write_now(f);
  }
};

}  // namespace

TEST_CASE("an earlier place can be made current again, in Carrel's own name") {
  two_devices t;
  t.phone.push("d", 0.9, "p9", "Phone", "PP");
  t.clock.pass(60s);
  t.phone.push("d", 0.2, "p2", "Phone", "PP");
  t.clock.pass(60s);
  auto before = t.rows();
  REQUIRE(before.size() == 2);
  CHECK(before[0].current);
  CHECK_FALSE(before[1].current);

  CHECK_FALSE(t.change([&](db::tx& tx) { return library::restore_position(tx, t.ben, before[1].id); }));
  auto made = t.change([&](db::tx& tx) { return library::restore_position(tx, t.ada, before[1].id); });
  REQUIRE(made);
  CHECK(made->percentage == 0.9);
  CHECK(made->source == "restore");
  CHECK(made->current);

  reply r = t.phone.get("d");
  CHECK(r.text("progress") == "p9");
  CHECK(r.text("device") == "Carrel");
  CHECK(r.text("device_id").size() == 32);
  CHECK(r.text("device_id") != "PP");
  CHECK(t.rows().size() == 3);
  CHECK(t.rows()[0].current);
  CHECK_FALSE(t.rows()[1].current);
}

TEST_CASE("a restored place is news to every device") {
  two_devices t;
  t.phone.push("d", 0.9, "p9");
  t.clock.pass(60s);
  t.phone.push("d", 0.2, "p2");
  t.change([&](db::tx& tx) {
    return library::restore_position(tx, t.ada, library::positions_of_document(tx, t.ada, "d", 2)[1].id).has_value();
  });
  t.clock.pass(60s);
  t.phone.push("d", 0.21, "p21");
  CHECK(t.phone.get("d").text("progress") == "p9");
  t.clock.pass(60s);
  t.phone.push("d", 0.22, "p22");
  CHECK(t.phone.get("d").text("progress") == "p22");
}

TEST_CASE("a held place is accepted or dismissed once") {
  two_devices t;
  t.phone.push("d", 0.9, "p9");
  t.clock.pass(60s);
  t.tablet.push("d", 0.1, "p1");
  t.tablet.push("d", 0.15, "p15");
  auto held = t.w.other().read_now([&](db::tx& tx) { return library::held_positions(tx, t.ada, 10); });
  REQUIRE(held.size() == 2);
  CHECK(held[0].progress == "p15");
  CHECK(held[0].reason == "unseen");

  CHECK_FALSE(t.change([&](db::tx& tx) { return library::settle_held(tx, t.ben, held[0].id, true); }));
  CHECK(t.change([&](db::tx& tx) { return library::settle_held(tx, t.ada, held[1].id, false); }));
  CHECK_FALSE(t.change([&](db::tx& tx) { return library::settle_held(tx, t.ada, held[1].id, true); }));
  CHECK(t.phone.get("d").text("progress") == "p9");
  CHECK(t.change([&](db::tx& tx) { return library::settle_held(tx, t.ada, held[0].id, true); }));
  CHECK(t.phone.get("d").text("progress") == "p15");
  CHECK(t.w.other().read_now([&](db::tx& tx) { return library::held_positions(tx, t.ada, 10); }).empty());
}

TEST_CASE("under policy furthest a restored place is the new beginning") {
  two_devices t;
  t.change([&](db::tx& tx) { library::set_position_policy(tx, t.ada, "furthest", std::nullopt); });
  t.phone.push("d", 0.3, "p3");
  t.tablet.push("d", 0.9, "t9");
  t.change([&](db::tx& tx) {
    for (const auto& row : library::positions_of_document(tx, t.ada, "d", 10)) {
      if (row.progress == "p3") return library::restore_position(tx, t.ada, row.id).has_value();
    }
    return false;
  });
  CHECK(t.phone.get("d").text("progress") == "p3");
  t.phone.push("d", 0.35, "p35");
  t.phone.push("d", 0.32, "p32");
  CHECK(t.phone.get("d").text("progress") == "p32");
}

TEST_CASE("requests of a device are remembered for its page") {
  two_devices t;
  t.phone.push("d", 0.9, "p9");
  t.phone.put("not json");
  uuid phone = t.w.other().read_now([&](db::tx& tx) { return library::find_device_named(tx, t.ada, "Phone")->id; });
  std::vector<library::device_request> seen;
  REQUIRE(harness::eventually([&] {
    seen = t.w.other().read_now([&](db::tx& tx) { return library::recent_requests(tx, phone, 10); });
    return seen.size() == 2;
  }));
  std::sort(seen.begin(), seen.end(), [](const auto& a, const auto& b) { return a.status < b.status; });
  CHECK(seen[0].request == "PUT /kosync/syncs/progress");
  CHECK(seen[0].status == 200);
  CHECK(seen[1].status == 400);
  CHECK(seen[1].note == "Could not parse JSON in body.");
}

TEST_CASE("a device with a wrong address in its settings is told so on its page") {
  two_devices t;
  for (std::string path : {"/kosync/kosync/users/auth", "/users/elsewhere", "/syncs/elsewhere"})
    CHECK(t.w.send("GET", path, t.phone.sign_in()).status == 404);
  uuid phone = t.w.other().read_now([&](db::tx& tx) { return library::find_device_named(tx, t.ada, "Phone")->id; });
  std::vector<library::device_request> seen;
  REQUIRE(harness::eventually([&] {
    seen = t.w.other().read_now([&](db::tx& tx) { return library::recent_requests(tx, phone, 10); });
    return seen.size() == 3;
  }));
  for (const library::device_request& r : seen) {
    CHECK(r.status == 404);
    CHECK(r.note == "Not found");
  }
}
