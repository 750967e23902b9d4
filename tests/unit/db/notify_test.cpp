#include "server/db/notify.hpp"

#include <atomic>
#include <mutex>
#include <thread>

#include "server/db/pool.hpp"
#include "tests/harness/database.hpp"
#include "tests/harness/eventually.hpp"

using namespace carrel;
using namespace std::chrono_literals;
using db::statement;
using harness::eventually;

namespace {

constexpr statement sql_notify{"test.notify", "select pg_notify($1, $2)"};
constexpr statement sql_cut{"test.cut",
                            "select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'carrel listen' "
                            "and datname = current_database()"};

struct heard {
  std::mutex mutex;
  std::vector<std::string> payloads;
  void add(const std::string& p) {
    std::lock_guard lock(mutex);
    payloads.push_back(p);
  }
  std::vector<std::string> all() {
    std::lock_guard lock(mutex);
    return payloads;
  }
};

struct fixture {
  harness::database database;
  db::pool pool{{.url = database.url(), .connections = 1}};
  db::notifier notifier{database.url()};
  fixture() {
    REQUIRE(eventually([&] { return notifier.connected(); }));
  }
  void ring(const std::string& channel, const std::string& payload) {
    pool.read_now([&](db::tx& t) { t.run(sql_notify, channel, payload); });
  }
};

}  // namespace

TEST_CASE("a notification reaches the listeners of its channel and nobody else") {
  fixture f;
  heard a;
  heard b;
  heard c;
  f.notifier.listen("jobs", [&](const std::string& p) { a.add(p); });
  f.notifier.listen("jobs", [&](const std::string& p) { b.add(p); });
  f.notifier.listen("events", [&](const std::string& p) { c.add(p); });
  f.ring("jobs", "one 'quoted' \"payload\"");
  f.ring("events", "");
  REQUIRE(eventually([&] { return a.all().size() == 1 && b.all().size() == 1 && c.all().size() == 1; }));
  CHECK(a.all()[0] == "one 'quoted' \"payload\"");
  CHECK(c.all()[0].empty());
}

TEST_CASE("after a lost connection every listener is called once, and listening goes on") {
  fixture f;
  heard a;
  f.notifier.listen("jobs", [&](const std::string& p) { a.add(p); });
  f.pool.read_now([](db::tx& t) { t.run(sql_cut); });
  REQUIRE(eventually([&] { return a.all().size() == 1; }));
  CHECK(a.all()[0].empty());
  REQUIRE(eventually([&] { return f.notifier.connected(); }));
  f.ring("jobs", "after");
  REQUIRE(eventually([&] { return a.all().size() == 2; }));
  CHECK(a.all()[1] == "after");
}

TEST_CASE("who is forgotten is not called any more") {
  fixture f;
  heard a;
  heard b;
  unsigned id = f.notifier.listen("jobs", [&](const std::string& p) { a.add(p); });
  f.notifier.listen("jobs", [&](const std::string& p) { b.add(p); });
  f.notifier.forget(id);
  f.ring("jobs", "x");
  REQUIRE(eventually([&] { return b.all().size() == 1; }));
  CHECK(a.all().empty());
}

TEST_CASE("forget waits for a call that is under way; a listener may forget itself") {
  fixture f;
  std::atomic<bool> inside{false};
  std::atomic<bool> left{false};
  unsigned id = f.notifier.listen("slow", [&](const std::string&) {
    inside = true;
    std::this_thread::sleep_for(200ms);
    left = true;
  });
  f.ring("slow", "");
  REQUIRE(eventually([&] { return inside.load(); }));
  f.notifier.forget(id);
  CHECK(left);

  std::atomic<unsigned> own{0};
  std::atomic<int> calls{0};
  own = f.notifier.listen("once", [&](const std::string&) {
    ++calls;
    f.notifier.forget(own);
  });
  f.ring("once", "");
  REQUIRE(eventually([&] { return calls == 1; }));
  heard later;
  f.notifier.listen("later", [&](const std::string& p) { later.add(p); });
  f.ring("once", "");
  f.ring("later", "");
  REQUIRE(eventually([&] { return later.all().size() == 1; }));
  CHECK(calls == 1);
}

TEST_CASE("a listener that throws does not stop the others") {
  fixture f;
  heard a;
  f.notifier.listen("jobs", [](const std::string&) { throw std::runtime_error("mine"); });
  f.notifier.listen("jobs", [&](const std::string& p) { a.add(p); });
  f.ring("jobs", "1");
  f.ring("jobs", "2");
  CHECK(eventually([&] { return a.all().size() == 2; }));
}

TEST_CASE("a channel is a plain name") {
  fixture f;
  CHECK_THROWS_AS(f.notifier.listen("x; drop table y", [](const std::string&) {}), std::logic_error);
}

TEST_CASE("a notifier for an absent database ends quickly and without a listener's call") {
  std::atomic<int> calls{0};
  auto began = std::chrono::steady_clock::now();
  {
    db::notifier n("host=/nonexistent dbname=x");
    n.listen("jobs", [&](const std::string&) { ++calls; });
    CHECK_FALSE(n.connected());
    std::this_thread::sleep_for(200ms);
  }
  CHECK(calls == 0);
  CHECK(std::chrono::steady_clock::now() - began < 2s);
}
