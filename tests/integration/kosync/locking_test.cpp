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
constexpr db::statement waiting{"test.waiting", "select count(*) from pg_stat_activity where wait_event_type = 'Lock'"};

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

TEST_CASE("history has the order in which pushes were judged, whichever of them came to the database first") {
  world w;
  uuid ada = w.add_user("ada");
  auto push = [&](db::tx& tx, const std::string& progress) {
    library::position p;
    p.user = ada;
    p.document = "d";
    p.progress = progress;
    p.device = "device";
    p.device_key = "n:device/";
    p.percentage = 0.5;
    library::put_positions(tx, {p}, {});
  };
  w.other().write_now([&](db::tx& tx) { push(tx, "before"); });
  constexpr db::statement lock{"test.lock", "select from documents where user_id = $1 for no key update"};
  auto somebody_waits = [&] { return w.other().read_now([](db::tx& tx) { return tx.run(waiting)[0].integer(0) > 0; }); };

  db::pool one{{.url = w.url(), .connections = 1}}, two{{.url = w.url(), .connections = 1}};
  std::thread late;
  one.write_now([&](db::tx& tx) {
    tx.run(lock, ada);
    late = std::thread([&] { two.write_now([&](db::tx& other) { push(other, "waited"); }); });
    CHECK(harness::eventually(somebody_waits));
    push(tx, "went first");
  });
  late.join();

  auto rows = w.other().read_now([&](db::tx& tx) { return library::positions_of_document(tx, ada, "d", 10); });
  REQUIRE(rows.size() == 3);
  CHECK(rows[0].progress == "waited");
  CHECK(rows[0].current);
  CHECK(rows[1].progress == "went first");
}

TEST_CASE("an account can be deleted while its devices push, and nobody waits in a ring") {
  world w;
  w.other().write_now([](db::tx& tx) { library::add_user(tx, "owner", library::role::owner, "x"); });
  uuid ada = w.add_user("ada");
  // Old documents: a push of a new one looks at the account and may meet the deletion, which is then tried again.
  std::mt19937 first(1);
  std::vector<std::vector<library::position>> known;
  for (int round = 1; round <= 10; ++round) {
    known.push_back(pushes_of(ada, "device", round, first));
    w.other().write_now([&](db::tx& tx) { library::put_positions(tx, known.back(), {}); });
  }
  db::pool pushing{{.url = w.url(), .connections = workers_each}};
  std::atomic<bool> gone = false;
  std::atomic<int> rings = 0, done = 0;
  std::vector<std::thread> workers;
  for (int i = 0; i < workers_each; ++i) {
    workers.emplace_back([&, i] {
      std::mt19937 dice(static_cast<unsigned>(i));
      while (!gone) {
        const std::vector<library::position>& pushes = known[dice() % known.size()];
        try {
          pushing.write_now([&](db::tx& tx) {
            try {
              library::put_positions(tx, pushes, {});
            } catch (const db::failure& e) {
              if (e.sqlstate == "40P01") ++rings;
              throw;
            }
          });
          ++done;
        } catch (const db::failure&) {  // the account is gone
        }
      }
    });
  }
  REQUIRE(harness::eventually([&] { return done > 20; }));
  w.other().write_now([&](db::tx& tx) { CHECK_FALSE(library::delete_user(tx, ada)); });
  gone = true;
  for (std::thread& t : workers) t.join();
  CHECK(rings == 0);
}
