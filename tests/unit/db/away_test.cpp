#include <atomic>
#include <thread>

#include "server/db/pool.hpp"
#include "server/postgres/cluster.hpp"
#include "tests/harness/database.hpp"
#include "tests/harness/eventually.hpp"

using namespace carrel;
using namespace std::chrono_literals;
using db::statement;
using clock_type = std::chrono::steady_clock;

namespace {

constexpr statement sql_one{"test.away_one", "select 1"};
constexpr statement sql_pid{"test.pid", "select pg_backend_pid()"};
constexpr statement sql_kill{"test.kill", "select pg_terminate_backend($1)"};
constexpr statement sql_lives{"test.lives", "select exists (select from pg_stat_activity where pid = $1)"};

std::int64_t one(db::tx& t) { return t.run(sql_one)[0].integer(0); }

// Ends a session and waits for its end.
void kill_session(db::pool& by, std::int64_t pid) {
  by.read_now([&](db::tx& t) { t.run(sql_kill, pid); });
  auto gone = [&] { return !by.read_now([&](db::tx& t) { return t.run(sql_lives, pid)[0].flag(0); }); };
  CHECK(harness::eventually(gone));
}

}  // namespace

TEST_CASE("a session that was terminated while idle is replaced without anybody noticing") {
  harness::database database;
  db::pool p({.url = database.url(), .connections = 1});
  db::pool other({.url = database.url(), .connections = 1});
  for (int i = 0; i < 3; ++i) {
    std::int64_t pid = p.read_now([](db::tx& t) { return t.run(sql_pid)[0].integer(0); });
    kill_session(other, pid);
    CHECK(p.write_now(one) == 1);
    CHECK(p.read_now([](db::tx& t) { return t.run(sql_pid)[0].integer(0); }) != pid);
  }
}

TEST_CASE("a session that is terminated at work throws lost, also for what follows in the same work") {
  harness::database database;
  db::pool p({.url = database.url(), .connections = 1});
  db::pool other({.url = database.url(), .connections = 1});
  auto suicide = [&](db::tx& t) {
    std::int64_t pid = t.run(sql_pid)[0].integer(0);
    kill_session(other, pid);
    CHECK_THROWS_AS(one(t), db::lost);
    CHECK_THROWS_AS(one(t), db::lost);
  };
  CHECK_THROWS_AS(p.write_now(suicide), db::lost);  // swallowed inside, yet never a success
  p.read_now(suicide);
  CHECK(p.read_now(one) == 1);
}

TEST_CASE("while the database is away work fails fast, and goes on when it is back") {
  auto opened = postgres::cluster::open(harness::fresh_folder("away") / "data");
  REQUIRE(opened.ok());
  std::unique_ptr<postgres::cluster> c = std::move(*opened);
  db::pool p({.url = c->url(), .connections = 3});
  CHECK(p.read_now(one) == 1);
  c->stop();

  std::atomic<int> lost{0};
  std::atomic<int> other{0};
  auto began = clock_type::now();
  for (int i = 0; i < 500; ++i) {
    p.enqueue(
        db::mode::read, std::nullopt, [](db::tx& t) { one(t); },
        [&](const std::exception_ptr& e) {
          try {
            if (e) std::rethrow_exception(e);
            ++other;
          } catch (const db::lost&) {
            ++lost;
          }
        });
  }
  CHECK(harness::eventually([&] { return lost + other == 500; }));
  CHECK(lost == 500);
  CHECK(clock_type::now() - began < 1s);
}

TEST_CASE("a pool comes back by itself after the server was restarted") {
  std::filesystem::path data = harness::fresh_folder("restart") / "data";
  auto opened = postgres::cluster::open(data);
  REQUIRE(opened.ok());
  db::pool p({.url = (*opened)->url(), .connections = 2});
  CHECK(p.read_now(one) == 1);
  (*opened)->stop();
  CHECK_THROWS_AS(p.read_now(one), db::lost);
  opened->reset();
  opened = postgres::cluster::open(data);
  REQUIRE(opened.ok());
  auto began = clock_type::now();
  bool back = false;
  while (!back && clock_type::now() - began < 5s) {
    try {
      back = p.read_now(one) == 1;
    } catch (const db::lost&) {
      std::this_thread::sleep_for(10ms);
    }
  }
  CHECK(back);
  CHECK(clock_type::now() - began < 1500ms);
}

TEST_CASE("a pool for a server that never was there throws lost quickly") {
  db::pool p({.url = "host=/nonexistent dbname=x", .connections = 1});
  auto began = clock_type::now();
  CHECK_THROWS_AS(p.read_now(one), db::lost);
  CHECK_THROWS_AS(p.read_now(one), db::lost);
  CHECK(clock_type::now() - began < 500ms);
  db::pool bad({.url = "this is no connection string", .connections = 1});
  CHECK_THROWS_AS(bad.read_now(one), db::lost);
}
