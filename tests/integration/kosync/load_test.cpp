// kosync.md 14, item 16, and what it costs.
#include <catch2/catch.hpp>

#include <set>
#include <thread>

#include "library/position.hpp"
#include "tests/integration/kosync/world.hpp"

using namespace carrel;
using namespace carrel::kosync::tests;

TEST_CASE("of 2 x 200 pushes at the same time one stays, whole, on one server and on two") {
  bool two_servers = GENERATE(false, true);
  world w;
  std::unique_ptr<world> second;
  if (two_servers) second = std::make_unique<world>(settings{}, w.url());
  reader alice = w.shared("alice");
  auto push_all = [&](const std::string& device, unsigned port) {
    reader r = alice;
    r.port = port;
    std::vector<std::thread> lanes;
    for (int lane = 0; lane < 8; ++lane) {
      lanes.emplace_back([=] {
        for (int i = lane; i < 200; i += 8)
          r.push("d", i / 1000.0, "progress " + std::to_string(i), device, device + std::to_string(i));
      });
    }
    for (std::thread& t : lanes) t.join();
  };
  std::thread b([&] { push_all("B", w.port()); });
  push_all("C", second ? second->port() : w.port());
  b.join();

  reply r = alice.get("d");
  std::string device = r.text("device");
  std::string number = r.text("device_id").substr(1);
  CHECK((device == "B" || device == "C"));
  CHECK(r.text("device_id")[0] == device[0]);
  CHECK(r.text("progress") == "progress " + number);
  CHECK(r.text("percentage") == json::dump(json::value(std::stoi(number) / 1000.0)));
  uuid user = w.other().read_now([](db::tx& tx) { return library::find_user_named(tx, "alice")->id; });
  auto history = w.other().read_now([&](db::tx& tx) { return library::positions_of_document(tx, user, "d", 1000); });
  CHECK(history.size() == 400);
  std::set<std::string> ids;
  for (const auto& row : history) ids.insert(row.progress + row.device);
  CHECK(ids.size() == 400);
}

TEST_CASE("batches of two processes that overlap neither wait for each other for ever nor lose a push") {
  world w;
  uuid user = w.add_user("ada");
  auto work = [&](unsigned seed) {
    db::pool mine({.url = w.url(), .connections = 1});
    for (unsigned round = 0; round < 40; ++round) {
      std::vector<library::position> batch;
      std::vector<library::fetch> wanted;
      for (unsigned i = 0; i < 20; ++i) {
        library::position p;
        p.user = user;
        p.document = "d" + std::to_string((seed * 7 + round * 13 + i * 11) % 25);
        p.progress = "p" + std::to_string(seed) + "." + std::to_string(round) + "." + std::to_string(i);
        p.device = "device " + std::to_string(seed);
        p.device_key = "c:" + uuid::of_name({}, p.device).text();
        p.percentage = 0.5;
        p.timestamp = unix_seconds(now());
        wanted.push_back({.user = user, .document = p.document, .credential = uuid::of_name({}, p.device)});
        batch.push_back(std::move(p));
      }
      mine.write_now([&](db::tx& tx) { return library::put_positions(tx, batch, {}); });
      mine.read_now([&](db::tx& tx) { return library::get_positions(tx, wanted); });
    }
  };
  std::vector<std::thread> both;
  for (unsigned seed : {1U, 2U, 3U}) both.emplace_back(work, seed);
  for (std::thread& t : both) t.join();
  auto count = w.other().read_now([](db::tx& tx) {
    static constexpr db::statement sql{"test.history", "select count(*), count(distinct progress) from reading_progress_history"};
    db::rows rows = tx.run(sql);
    return std::pair(rows[0].integer(0), rows[0].integer(1));
  });
  CHECK(count == std::pair<std::int64_t, std::int64_t>(2400, 2400));
}

TEST_CASE("a batch takes the same number of statements whatever its size") {
  world w;
  uuid user = w.add_user("ada");
  auto statements = [&](int size) {
    std::vector<library::position> batch;
    for (int i = 0; i < size; ++i) {
      library::position p;
      p.user = user;
      p.document = std::to_string(size) + "." + std::to_string(i % 40);
      p.progress = "p" + std::to_string(i);
      p.device = "a";
      p.device_key = "n:a/";
      p.percentage = 0.5;
      batch.push_back(std::move(p));
    }
    auto begun = std::chrono::steady_clock::now();
    w.other().write_now([&](db::tx& tx) { return library::put_positions(tx, batch, {}); });
    return std::chrono::steady_clock::now() - begun;
  };
  statements(1);
  // 500 pushes are far cheaper than 500 times one.
  auto one = statements(2), many = statements(500);
  CHECK(many < one * 100);
}
