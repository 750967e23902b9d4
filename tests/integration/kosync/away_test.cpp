// kosync.md 14, item 17: the database stops, is paused, and comes back.
#include <signal.h>
#include <catch2/catch.hpp>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <thread>
#include <utility>
#include <vector>

#include "schema/migrations.hpp"
#include "server/postgres/cluster.hpp"
#include "tests/harness/eventually.hpp"
#include "tests/integration/kosync/world.hpp"

using namespace carrel;
using namespace carrel::kosync::tests;
using namespace std::chrono_literals;

namespace {

namespace fs = std::filesystem;

struct own_cluster {
  fs::path folder = harness::fresh_folder("away");
  std::unique_ptr<postgres::cluster> cluster;

  own_cluster() {
    open();
    db::pool p({.url = cluster->url(), .connections = 1});
    REQUIRE(db::migrate(p, schema::migrations()));
  }
  void open() {
    auto opened = postgres::cluster::open(folder);
    REQUIRE(opened);
    cluster = std::move(*opened);
  }
  void take_away() {
    cluster->stop();
    cluster.reset();
  }
  // The server process and what it has started, as it says itself: a container's /proc is not to be relied on.
  void pause() {
    static constexpr db::statement sql{"test.processes", "select pid from pg_stat_activity where pid <> pg_backend_pid()"};
    pid_t leader = 0;
    std::ifstream(folder / "pg" / "postmaster.pid") >> leader;
    REQUIRE(leader > 0);
    stopped.push_back(leader);
    {
      db::pool p({.url = cluster->url(), .connections = 1});
      db::rows rows = p.read_now([](db::tx& tx) { return tx.run(sql); });
      for (const db::row& r : rows) stopped.push_back(static_cast<pid_t>(r.integer(0)));
    }
    for (pid_t one : stopped) ::kill(one, SIGSTOP);
  }
  void go_on() {
    for (pid_t one : std::exchange(stopped, {})) ::kill(one, SIGCONT);
  }
  ~own_cluster() { go_on(); }
  std::vector<pid_t> stopped;
};

struct timed {
  reply r;
  std::chrono::milliseconds took;
};

template <class F>
timed measured(F ask) {
  auto begun = std::chrono::steady_clock::now();
  reply r = ask();
  return {r, std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() - begun)};
}

void check_away(const timed& t) {
  CHECK(t.r.status == 502);
  CHECK(t.r.code() == 1000);
  CHECK(t.r.header("Content-Type") == "application/json");
  CHECK(t.took < 2s);
}

reader one_who_pushed(world& w) {
  reader alice = w.shared("alice");
  REQUIRE(alice.push("d", 0.5, "before").status == 200);
  return alice;
}

}  // namespace

TEST_CASE("a stopped database is 502 within two seconds, and everything works when it is back") {
  own_cluster c;
  world w({}, c.cluster->url());
  reader alice = one_who_pushed(w);

  c.take_away();
  for (int i = 0; i < 3; ++i) {
    check_away(measured([&] { return alice.push("d", 0.6, "lost"); }));
    check_away(measured([&] { return alice.get("d"); }));
    check_away(measured([&] { return w.send("GET", "/kosync/users/auth", alice.sign_in()); }));
  }
  reply health = w.send("GET", "/kosync/healthcheck");
  CHECK(health.status == 503);
  CHECK(health.body == R"({"state":"ERROR"})");

  c.open();
  CHECK(harness::eventually([&] { return alice.get("d").status == 200; }));
  CHECK(alice.get("d").text("progress") == "before");
  CHECK(alice.push("d", 0.7, "after").status == 200);
  CHECK(alice.get("d").text("progress") == "after");
}

TEST_CASE("a push that meets a restart of the database is stored") {
  own_cluster c;
  world w({}, c.cluster->url());
  reader alice = one_who_pushed(w);
  c.take_away();
  reply met;
  std::thread pushing([&] { met = alice.push("d", 0.6, "during"); });
  c.open();
  pushing.join();
  // A slow machine may take longer to start it than a reader waits; then the answer says so.
  CHECK((met.status == 200 || met.status == 502));
  if (met.status == 200) CHECK(alice.get("d").text("progress") == "during");
}

TEST_CASE("a paused database is 502 within two seconds, and everything works when it goes on") {
  own_cluster c;
  world w({}, c.cluster->url());
  reader alice = one_who_pushed(w);

  c.pause();
  check_away(measured([&] { return alice.push("d", 0.6, "during"); }));
  check_away(measured([&] { return alice.get("d"); }));
  timed health = measured([&] { return w.send("GET", "/healthcheck"); });
  CHECK(health.r.status == 503);
  CHECK(health.r.body == R"({"state":"ERROR"})");
  CHECK(health.took < 2s);

  c.go_on();
  CHECK(harness::eventually([&] { return alice.get("d").status == 200; }));
  reply again = alice.push("d", 0.7, "after");
  INFO(again.body);
  CHECK(again.status == 200);
  CHECK(alice.get("d").text("progress") == "after");
}
