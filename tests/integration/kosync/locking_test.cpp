// Batches of two processes that meet: old documents, new ones between them, and the search for their books.
#include <atomic>
#include <catch2/catch.hpp>
#include <functional>
#include <random>
#include <thread>

#include "library/document.hpp"
#include "library/position.hpp"
#include "tests/harness/eventually.hpp"
#include "tests/integration/kosync/world.hpp"

using namespace carrel;
using namespace carrel::kosync::tests;

namespace {

constexpr int rounds = 60, documents_a_round = 24, workers_each = 3;

std::string name_of(int round, unsigned long pick) {
  return std::string(1, "abcdefghijklmnopqrstuvwxyz"[pick % 26]) + std::to_string(round);
}

std::vector<library::position> pushes_of(const uuid& user, const std::string& device, int round, std::mt19937& dice) {
  std::vector<library::position> out;
  for (int i = 0; i < documents_a_round; ++i) {
    library::position p;
    p.user = user;
    p.document = name_of(round - static_cast<int>(dice() % 3), dice());  // some are there already
    p.progress = "p";
    p.device = device;
    p.device_key = "n:" + device + "/";
    p.percentage = 0.5;
    p.timestamp = round;
    out.push_back(std::move(p));
  }
  return out;
}

library::document_keys keys_of(const std::vector<library::position>& pushes) {
  library::document_keys out;
  for (const library::position& p : pushes) out.emplace(p.user, p.document);
  return out;
}

}  // namespace

TEST_CASE("batches of several processes with old and new documents never wait for each other in a ring") {
  world w;
  uuid ada = w.add_user("ada");
  db::pool one{{.url = w.url(), .connections = workers_each}}, two{{.url = w.url(), .connections = workers_each}};
  std::atomic<int> rings = 0, done = 0;
  auto run = [&](db::pool& pool, const std::function<void(db::tx&)>& work) {
    pool.write_now([&](db::tx& tx) {
      try {
        work(tx);
      } catch (const db::failure& e) {
        if (e.sqlstate == "40P01") ++rings;
        throw;
      }
    });
    ++done;
  };
  std::vector<std::thread> workers;
  for (int i = 0; i < 2 * workers_each; ++i) {
    workers.emplace_back([&, i] {
      std::mt19937 dice(static_cast<unsigned>(i));
      db::pool& pool = i % 2 == 0 ? one : two;
      for (int round = 1; round <= rounds; ++round) {
        std::vector<library::position> pushes = pushes_of(ada, "device" + std::to_string(i), round, dice);
        run(pool, [&](db::tx& tx) { library::put_positions(tx, pushes, {}); });
        run(pool, [&](db::tx& tx) { library::link_documents(tx, keys_of(pushes)); });
      }
    });
  }
  for (std::thread& t : workers) t.join();
  CHECK(rings == 0);
  CHECK(done == 2 * 2 * workers_each * rounds);
}

TEST_CASE("an account that goes while its reader pushes leaves no history behind") {
  world w;
  uuid owner = w.other().write_now([](db::tx& tx) { return library::add_user(tx, "owner", library::role::owner, "x").id; });
  uuid ada = w.add_user("ada");
  std::mt19937 dice(1);
  std::vector<library::position> known = pushes_of(ada, "device", 5, dice), some_new = pushes_of(ada, "device", 6, dice);
  w.other().write_now([&](db::tx& tx) { library::put_positions(tx, known, {}); });
  auto count = [&](const db::statement& sql) {
    return w.other().read_now([&](db::tx& tx) { return tx.run(sql)[0].integer(0); });
  };
  constexpr db::statement left{"test.history_left", "select count(*) from reading_progress_history"};
  constexpr db::statement waiting{"test.waiting", "select count(*) from pg_stat_activity where wait_event_type = 'Lock'"};
  REQUIRE(count(left) > 0);

  db::pool reader{{.url = w.url(), .connections = 1}}, keeper{{.url = w.url(), .connections = 1}};
  std::thread going;
  reader.write_now([&](db::tx& tx) {
    library::put_positions(tx, some_new, {});
    going = std::thread([&] { keeper.write_now([&](db::tx& other) { CHECK_FALSE(library::delete_user(other, ada)); }); });
    CHECK(harness::eventually([&] { return count(waiting) > 0; }));
  });
  going.join();
  CHECK(count(left) == 0);
  CHECK_FALSE(owner.is_nil());
}
