#include <atomic>
#include <catch2/catch.hpp>
#include <future>
#include <thread>

#include "server/jobs/backlog.hpp"
#include "support.hpp"

using namespace carrel;
using namespace carrel::jobs;
using test::home;

TEST_CASE("an unfinished job of the same kind and key is not made twice") {
  home b;
  uuid first = b.enqueue("ingest.file", "a");
  CHECK(b.enqueue("ingest.file", "a") == first);
  CHECK(b.enqueue("ingest.file", "b") != first);
  CHECK(b.enqueue("ingest.cover", "a") != first);
  CHECK(b.number("select count(*) from jobs") == 3);
}

TEST_CASE("a kind that is held waits, also what comes later, until it is let go") {
  home b;
  workers w(b.pool, b.bell, 1, "test");
  int runs = 0;
  w.on("k", [&](const job&, progress&) { ++runs; });
  w.on("other", [&](const job&, progress&) {});
  auto hold = [&](const char* kind) { return b.pool.write_now([&](db::tx& tx) { return hold_kind(tx, kind); }); };
  auto files = [&] { return b.pool.read_now([](db::tx& tx) { return backlog_of(tx, "k"); }); };
  CHECK_FALSE(hold("k"));  // nobody ever asked for such work
  b.enqueue("k", "1");
  CHECK(hold("k"));
  CHECK_FALSE(hold("k"));
  b.enqueue("k", "2");
  b.enqueue("other", "1");
  CHECK(w.run_one());
  CHECK_FALSE(w.run_one());
  CHECK(runs == 0);
  CHECK(files().held);
  CHECK(files().left() == 2);
  CHECK(b.pool.write_now([](db::tx& tx) { return release_kind(tx, "k"); }));
  CHECK_FALSE(b.pool.write_now([](db::tx& tx) { return release_kind(tx, "k"); }));
  CHECK(w.run_one());
  CHECK(w.run_one());
  CHECK(runs == 2);
  CHECK_FALSE(files().held);
  CHECK(files().left() == 0);
  CHECK(files().done == 2);
  CHECK(files().rate.value_or(0) > 0);
}

TEST_CASE("of work in many small jobs only those that run or failed are listed") {
  home b;
  workers w(b.pool, b.bell, 1, "test");
  w.on("k", [&](const job& j, progress&) {
    if (j.dedupe_key == "bad") throw give_up("broken");
  });
  b.enqueue("k", "good");
  b.enqueue("k", "bad");
  CHECK(w.run_one());
  CHECK(w.run_one());
  b.enqueue("k", "waits");
  b.enqueue("other", "waits");
  auto listed = [&](const char* without) {
    return b.pool.read_now([&](db::tx& tx) { return recent_jobs(tx, 50, without); }).size();
  };
  CHECK(listed("") == 4);
  CHECK(listed("k") == 2);
}

TEST_CASE("a job that is called for while it runs, runs once more") {
  home b;
  auto ask = [&] { return b.pool.write_now([](db::tx& tx) { return call(tx, "k", "all"); }); };
  uuid id = ask();
  CHECK(ask() == id);
  workers w(b.pool, b.bell, 1, "test");
  int runs = 0;
  w.on("k", [&](const job&, progress&) {
    if (++runs > 1) return;
    CHECK(ask() == id);
    CHECK(ask() == id);
  });
  CHECK(w.run_one());
  CHECK(b.load(id).state == "waiting");
  CHECK(w.run_one());
  CHECK_FALSE(w.run_one());
  CHECK(runs == 2);
  CHECK(b.load(id).state == "done");
  CHECK(b.number("select count(*) from job_calls") == 0);
  CHECK(ask() != id);
}

TEST_CASE("a job neither begins nor ends while somebody has called for it and is not done yet") {
  home b;
  workers w(b.pool, b.bell, 1, "test");
  std::atomic<int> runs = 0;
  w.on("k", [&](const job&, progress&) { ++runs; });
  uuid id = b.pool.write_now([](db::tx& tx) { return call(tx, "k", "all"); });
  std::promise<void> called, over;
  auto slow_caller = [&] {
    b.pool.write_now([&](db::tx& tx) {
      CHECK(call(tx, "k", "all") == id);
      called.set_value();
      over.get_future().wait();
    });
  };
  SECTION("before it begins") {
    std::thread caller(slow_caller);
    called.get_future().wait();
    CHECK_FALSE(w.run_one());
    over.set_value();
    caller.join();
    CHECK(w.run_one());
    CHECK(runs == 1);
    CHECK(b.load(id).state == "done");
  }
  SECTION("before it ends") {
    std::thread caller;
    w.on("k", [&](const job&, progress&) {
      if (++runs > 1) return;
      caller = std::thread(slow_caller);
      called.get_future().wait();
    });
    std::thread worker([&] { CHECK(w.run_one()); });
    CHECK(harness::eventually(
        [&] { return b.number("select count(*) from pg_stat_activity where wait_event_type = 'Lock'") > 0; }));
    over.set_value();
    caller.join();
    worker.join();
    CHECK(b.load(id).state == "waiting");
    CHECK(w.run_one());
    CHECK(runs == 2);
  }
}

TEST_CASE("jobs without a key are always made") {
  home b;
  CHECK(b.enqueue("mail", "") != b.enqueue("mail", ""));
}

TEST_CASE("after a job has ended its key is free again") {
  home b;
  uuid first = b.enqueue("ingest.file", "a");
  workers w(b.pool, b.bell, 1, "test");
  w.on("ingest.file", [](const job&, progress&) {});
  REQUIRE(w.run_one());
  CHECK(b.load(first).state == "done");
  CHECK(b.enqueue("ingest.file", "a") != first);
}

TEST_CASE("the payload reaches the handler as it was given") {
  home b;
  json::object payload{{"path", "a \"quoted\" name \u2603"}, {"number", 7}};
  b.enqueue("k", "a", payload);
  workers w(b.pool, b.bell, 1, "test");
  std::string path, number;
  w.on("k", [&](const job& j, progress&) {
    path = j.payload_text("path");
    number = j.payload_text("number");
  });
  REQUIRE(w.run_one());
  CHECK(path == "a \"quoted\" name \u2603");
  CHECK(number.empty());
}

TEST_CASE("a job of a transaction that is rolled back was never there") {
  home b;
  CHECK_THROWS(b.pool.write_now([](db::tx& tx) {
    enqueue(tx, "k", "a", {});
    throw std::runtime_error("no");
  }));
  CHECK(b.number("select count(*) from jobs") == 0);
}

TEST_CASE("a cancelled job is not run, and can be asked for again") {
  home b;
  uuid id = b.enqueue("k", "a");
  CHECK(b.pool.write_now([&](db::tx& tx) { return cancel_job(tx, id); }));
  CHECK_FALSE(b.pool.write_now([&](db::tx& tx) { return cancel_job(tx, id); }));
  workers w(b.pool, b.bell, 1, "test");
  int runs = 0;
  w.on("k", [&](const job&, progress&) { ++runs; });
  CHECK_FALSE(w.run_one());
  CHECK(b.pool.write_now([&](db::tx& tx) { return retry_job(tx, id); }));
  CHECK(w.run_one());
  CHECK(runs == 1);
}

TEST_CASE("an ended job is not brought back while another of its key waits") {
  home b;
  uuid id = b.enqueue("k", "a");
  b.pool.write_now([&](db::tx& tx) { cancel_job(tx, id); });
  b.enqueue("k", "a");
  CHECK_FALSE(b.pool.write_now([&](db::tx& tx) { return retry_job(tx, id); }));
}

TEST_CASE("paused jobs wait, and only those of the kind") {
  home b;
  b.enqueue("slow", "a");
  b.enqueue("slow", "b");
  b.enqueue("other", "a");
  CHECK(b.pool.write_now([](db::tx& tx) { return pause_jobs(tx, "slow", true); }) == 2);
  workers w(b.pool, b.bell, 1, "test");
  std::string ran;
  w.on("slow", [&](const job&, progress&) { ran += "s"; });
  w.on("other", [&](const job&, progress&) { ran += "o"; });
  CHECK(w.run_one());
  CHECK_FALSE(w.run_one());
  CHECK(ran == "o");
  CHECK(b.pool.write_now([](db::tx& tx) { return pause_jobs(tx, "slow", false); }) == 2);
  while (w.run_one()) {
  }
  CHECK(ran == "oss");
}

TEST_CASE("the list shows what is unfinished first, then the newest") {
  home b;
  uuid done = b.enqueue("k", "done");
  workers w(b.pool, b.bell, 1, "test");
  w.on("k", [](const job&, progress&) {});
  w.run_one();
  uuid waiting = b.enqueue("k", "waiting", {}, std::chrono::seconds(100));
  std::vector<job> all = b.pool.read_now([](db::tx& tx) { return recent_jobs(tx, 10); });
  REQUIRE(all.size() == 2);
  CHECK(all[0].id == waiting);
  CHECK(all[1].id == done);
}

TEST_CASE("the object of the API has a rate and an estimate while the job runs") {
  test::still_clock clock;
  job j;
  j.kind = "k";
  j.state = "running";
  j.done = 20;
  j.total = 100;
  j.started_at = now();
  clock.pass(std::chrono::seconds(10));
  json::object o = to_json(j);
  std::int64_t eta = 0;
  double rate = 0;
  CHECK((o.take("eta_seconds", eta) && o.take("rate", rate)));
  CHECK(rate == 2.0);
  CHECK(eta == 40);
  CHECK(o.find("error")->is_null());
}

TEST_CASE("jobs that ended long ago are removed, waiting ones stay") {
  home b;
  b.enqueue("k", "a");
  workers w(b.pool, b.bell, 1, "test");
  w.on("k", [](const job&, progress&) {});
  w.run_one();
  b.enqueue("k", "b");
  CHECK(b.pool.write_now([](db::tx& tx) { return remove_finished_jobs(tx, now() + std::chrono::seconds(1)); }) == 1);
  CHECK(b.number("select count(*) from jobs where dedupe_key = 'b'") == 1);
}
