#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <catch2/catch.hpp>
#include <csignal>
#include <mutex>
#include <set>
#include <thread>

#include "server/core/metrics.hpp"
#include "server/jobs/tally.hpp"
#include "support.hpp"

using namespace carrel;
using namespace carrel::jobs;
using namespace std::chrono_literals;
using harness::eventually;
using test::home;

TEST_CASE("failures wait 10 s, 1 min, 5 min, 30 min and 2 h, and the sixth is the last") {
  home b;
  test::still_clock clock;
  uuid id = b.enqueue("k", "a");
  workers w(b.pool, b.bell, 1, "test");
  int runs = 0;
  w.on("k", [&](const job&, progress&) {
    ++runs;
    throw std::runtime_error("it did not work");
  });
  for (std::chrono::seconds wait : {10s, 60s, 300s, 1800s, 7200s}) {
    REQUIRE(w.run_one());
    CHECK(b.load(id).state == "waiting");
    CHECK(b.load(id).last_error == "it did not work");
    clock.pass(wait - 1s);
    CHECK_FALSE(w.run_one());
    clock.pass(1s);
  }
  REQUIRE(w.run_one());
  CHECK(runs == 6);
  CHECK(b.load(id).state == "failed");
  CHECK(b.load(id).finished_at);
  clock.pass(std::chrono::hours(100));
  CHECK_FALSE(w.run_one());
}

TEST_CASE("giving up ends a job at once, with its reason") {
  home b;
  uuid id = b.enqueue("k", "a");
  workers w(b.pool, b.bell, 1, "test");
  w.on("k", [](const job&, progress&) { throw give_up("no such book"); });
  REQUIRE(w.run_one());
  CHECK(b.load(id).state == "failed");
  CHECK(b.load(id).last_error == "no such book");
}

TEST_CASE("not now is no failure, however often") {
  home b;
  test::still_clock clock;
  uuid id = b.enqueue("k", "a");
  workers w(b.pool, b.bell, 1, "test");
  w.on("k", [](const job&, progress&) { throw not_now("disk full", 300s); });
  for (int i = 0; i < 8; ++i) {
    REQUIRE(w.run_one());
    CHECK(b.load(id).attempts == 0);
    clock.pass(300s);
  }
  CHECK(b.load(id).state == "waiting");
}

TEST_CASE("a job whose worker was killed is taken up when its lease has run out") {
  home b;
  uuid id = b.enqueue("k", "a");
  // A worker of another process that dies while it has the job: its row is all that is left of it.
  pid_t child = ::fork();
  if (child == 0) {
    ::execl("/bin/sleep", "sleep", "100", nullptr);
    ::_exit(1);
  }
  b.pool.write_now([&](db::tx& tx) {
    tx.script(
        "update jobs set state = 'running', lease_by = 'gone', lease_until = now() + interval '1 minute', started_at = now()");
  });
  ::kill(child, SIGKILL);
  ::waitpid(child, nullptr, 0);

  workers w(b.pool, b.bell, 1, "test");
  int runs = 0;
  w.on("k", [&](const job&, progress&) { ++runs; });
  CHECK_FALSE(w.run_one());
  test::still_clock clock;
  clock.pass(61s);
  CHECK(w.run_one());
  CHECK(runs == 1);
  CHECK(b.load(id).state == "done");
  CHECK(b.load(id).attempts == 1);
}

TEST_CASE("a job that kills its worker again and again is put away") {
  home b;
  test::still_clock clock;
  uuid id = b.enqueue("k", "a");
  b.pool.write_now([](db::tx& tx) {
    tx.script("update jobs set state = 'running', lease_by = 'gone', lease_until = now() - interval '1 minute', attempts = 5");
  });
  clock.pass(1s);
  workers w(b.pool, b.bell, 1, "test");
  int runs = 0;
  w.on("k", [&](const job&, progress&) { ++runs; });
  CHECK(w.run_one());
  CHECK_FALSE(w.run_one());
  CHECK(runs == 0);
  CHECK(b.load(id).state == "failed");
}

TEST_CASE("two processes with two workers each run every job exactly once") {
  home b;
  constexpr int count = 200;
  for (int i = 0; i < count; ++i) b.enqueue("k", std::to_string(i));
  std::mutex mutex;
  std::multiset<std::string> ran;
  auto note = [&](const job& j, progress&) {
    std::lock_guard guard(mutex);
    ran.insert(j.dedupe_key);
  };
  db::pool other({.url = b.database.url(), .connections = 4});
  workers one(b.pool, b.bell, 2, "one"), two(other, b.bell, 2, "two");
  one.on("k", note);
  two.on("k", note);
  one.start();
  two.start();
  CHECK(eventually([&] { return b.number("select count(*) from jobs where state = 'done'") == count; }));
  one.stop();
  two.stop();
  CHECK(ran.size() == count);
  CHECK(std::set<std::string>(ran.begin(), ran.end()).size() == count);
}

TEST_CASE("a waiting worker is rung up by a new job") {
  home b;
  std::atomic<int> runs = 0;
  workers w(b.pool, b.bell, 1, "test");
  w.on("k", [&](const job&, progress&) { ++runs; });
  w.start();
  REQUIRE(eventually([&] { return b.bell.connected(); }));
  for (int i = 1; i <= 3; ++i) {
    auto before = std::chrono::steady_clock::now();
    b.enqueue("k", "");
    CHECK(eventually([&] { return runs == i; }));
    CHECK(std::chrono::steady_clock::now() - before < 5s);  // and not when it looks by itself, after 30 s
  }
  w.stop();
}

TEST_CASE("a job for later is run when its time has come, without a ring") {
  home b;
  std::atomic<int> runs = 0;
  workers w(b.pool, b.bell, 1, "test");
  w.on("k", [&](const job&, progress&) { ++runs; });
  b.enqueue("k", "a", {}, 1s);
  w.start();
  CHECK(eventually([&] { return runs == 1; }));
  w.stop();
}

TEST_CASE("a stop releases the running job so that another process can go on at once") {
  home b;
  uuid id = b.enqueue("k", "a");
  std::atomic<bool> inside = false;
  {
    workers w(b.pool, b.bell, 1, "test");
    w.on("k", [&](const job&, progress& p) {
      inside = true;
      while (!p.stopping()) std::this_thread::sleep_for(1ms);
    });
    w.start();
    REQUIRE(eventually([&] { return inside.load(); }));
    w.stop();
  }
  CHECK(b.load(id).state == "waiting");
  CHECK(b.load(id).attempts == 0);
  workers again(b.pool, b.bell, 1, "again");
  again.on("k", [](const job&, progress&) {});
  CHECK(again.run_one());
  CHECK(b.load(id).state == "done");
}

TEST_CASE("progress is written, and a cancelled job learns of it there") {
  home b;
  uuid id = b.enqueue("k", "a");
  bool told = false;
  workers w(b.pool, b.bell, 1, "test");
  w.on("k", [&](const job&, progress& p) {
    p.report(3, 10);
    CHECK(b.load(id).done == 3);
    CHECK(b.load(id).total == 10);
    b.pool.write_now([&](db::tx& tx) { cancel_job(tx, id); });
    p.report(10, 10);
    told = p.stopping();
  });
  REQUIRE(w.run_one());
  CHECK(told);
  CHECK(b.load(id).state == "cancelled");
}

TEST_CASE("metrics tell how many jobs wait and for how long, and when there are none") {
  home b;
  test::still_clock clock;
  auto shown = [](const std::string& line) { return metrics::expose().find("\n" + line + "\n") != std::string::npos; };
  b.enqueue("tally.a", "1");
  b.enqueue("tally.a", "2", {}, 3600s);
  b.enqueue("tally.b", "1", {}, 3600s);
  clock.pass(90s);
  workers w(b.pool, b.bell, 1, "test");
  w.start();
  CHECK(eventually([&] { return shown(R"(carrel_jobs{kind="tally.a",state="waiting"} 2)"); }));
  w.stop();
  CHECK(shown(R"(carrel_jobs_oldest_seconds{kind="tally.a"} 90)"));
  CHECK(shown(R"(carrel_jobs_oldest_seconds{kind="tally.b"} 0)"));

  tally counts;
  counts.refresh(b.pool);
  workers other(b.pool, b.bell, 1, "other");
  other.on("tally.a", [&](const job&, progress&) {
    counts.refresh(b.pool);
    CHECK(shown(R"(carrel_jobs{kind="tally.a",state="running"} 1)"));
  });
  REQUIRE(other.run_one());
  other.stop();
  clock.pass(3600s);
  CHECK(other.run_one());
  counts.refresh(b.pool);
  CHECK(shown(R"(carrel_jobs{kind="tally.a",state="waiting"} 0)"));
  CHECK(shown(R"(carrel_jobs{kind="tally.a",state="running"} 0)"));
  CHECK(shown(R"(carrel_jobs_oldest_seconds{kind="tally.a"} 0)"));
  CHECK(shown(R"(carrel_jobs_oldest_seconds{kind="tally.b"} 90)"));
}
