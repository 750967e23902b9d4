#include <atomic>
#include <catch2/catch.hpp>

#include "server/jobs/session_lock.hpp"
#include "support.hpp"

using namespace carrel;
using namespace carrel::jobs;
using namespace std::chrono_literals;
using harness::eventually;
using test::home;

TEST_CASE("of two processes one does the periodic work, and the other when the first has ended") {
  home b;
  std::atomic<int> first = 0, second = 0;
  schedule two(b.pool);
  {
    schedule one(b.pool);
    one.every("tick", 1s, [&] { ++first; });
    one.start();
    REQUIRE(eventually([&] { return first >= 1; }));
    two.every("tick", 1s, [&] { ++second; });
    two.start();
    REQUIRE(eventually([&] { return first >= 2; }));
    CHECK(second == 0);
  }
  two.stop();
  schedule three(b.pool);
  three.every("tick", 1s, [&] { ++second; });
  three.start();
  CHECK(eventually([&] { return second >= 1; }));
}

TEST_CASE("an exception of periodic work does not end it") {
  home b;
  std::atomic<int> runs = 0;
  schedule s(b.pool);
  s.every("tick", 1s, [&] {
    ++runs;
    throw std::runtime_error("no");
  });
  s.start();
  CHECK(eventually([&] { return runs >= 2; }));
}

TEST_CASE("a session lock is held by one at a time, is kept, and is lost with its connection") {
  home b;
  session_lock one(b.pool, "x"), two(b.pool, "x"), other(b.pool, "y");
  CHECK(one.hold());
  CHECK(one.hold());
  CHECK_FALSE(two.hold());
  CHECK(other.hold());
  CHECK(b.number("select count(*) from pg_locks where locktype = 'advisory'") == 2);
  b.pool.write_now([](db::tx& tx) {
    tx.script("select pg_terminate_backend(pid) from pg_locks where locktype = 'advisory' and pid <> pg_backend_pid()");
  });
  CHECK(eventually([&] { return two.hold(); }));
  CHECK_FALSE(one.hold());
  two.release();
  CHECK(eventually([&] { return one.hold(); }));
}
