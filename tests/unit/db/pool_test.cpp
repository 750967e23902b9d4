#include "server/db/pool.hpp"

#include <atomic>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/steady_timer.hpp>
#include <thread>

#include "server/core/metrics.hpp"
#include "tests/harness/coroutines.hpp"
#include "tests/harness/database.hpp"
#include "tests/harness/eventually.hpp"

using namespace carrel;
using namespace std::chrono_literals;
using db::statement;
using harness::eventually;
using clock_type = std::chrono::steady_clock;

namespace {

constexpr statement sql_one{"test.one", "select $1::int"};
constexpr statement sql_insert{"test.insert", "insert into things (n) values ($1)"};
constexpr statement sql_count{"test.count", "select count(*) from things"};
constexpr statement sql_sleep{"test.sleep", "select pg_sleep($1)"};
constexpr statement sql_bump{"test.bump", "update things set n = n + 1 where id = $1"};

constexpr const char* things = "create table things (id serial primary key, n int unique)";

struct fixture {
  harness::database database;
  db::pool pool;
  explicit fixture(unsigned connections = 2, std::size_t queue = 1024)
      : pool({.url = database.url(), .connections = connections, .queue = queue}) {
    pool.write_now([](db::tx& t) { t.script(things); });
  }
  std::int64_t count() {
    return pool.read_now([](db::tx& t) { return t.run(sql_count)[0].integer(0); });
  }
};

int echo(db::tx& t, int n) { return static_cast<int>(t.run(sql_one, n)[0].integer(0)); }
void insert(db::tx& t, int n) { t.run(sql_insert, n); }
void sleep_in_database(db::tx& t, double seconds) { t.run(sql_sleep, seconds); }
std::unique_ptr<std::string> move_only(db::tx& t, std::string s) {
  return std::make_unique<std::string>(s + t.run(sql_one, 1)[0].text(0));
}

task<> echo_many(db::pool& p, int from, int count, std::thread::id home, int& sum) {
  for (int i = from; i < from + count; ++i) {
    int got = co_await p.read(echo, i);
    CHECK(std::this_thread::get_id() == home);
    sum += got;
  }
}

}  // namespace

TEST_CASE("coroutines get their values back on their own thread") {
  fixture f;
  boost::asio::io_context io(1);
  int sum = 0;
  std::vector<task<>> all;
  for (int i = 0; i < 10; ++i) all.push_back(echo_many(f.pool, i * 10, 10, std::this_thread::get_id(), sum));
  harness::run_all(io, std::move(all));
  CHECK(sum == 99 * 100 / 2);
}

namespace {
task<> values(db::pool& p) {
  std::string long_text = harness::folder().string();
  std::unique_ptr<std::string> got = co_await p.read(move_only, long_text);
  CHECK(*got == long_text + "1");
  co_await p.write(insert, 5);
  int twice = co_await p.snapshot(echo, 7);
  CHECK(twice == 7);
}
}  // namespace

TEST_CASE("values may be move-only and functions may return nothing") {
  fixture f;
  harness::run_one(values(f.pool));
  CHECK(f.count() == 1);
}

TEST_CASE("a write that throws leaves nothing, and its exception arrives") {
  fixture f;
  struct special : std::runtime_error {
    using std::runtime_error::runtime_error;
  };
  auto work = [](db::tx& t) {
    t.run(sql_insert, 1);
    throw special("mine");
  };
  CHECK_THROWS_AS(f.pool.write_now(work), special);
  CHECK(f.count() == 0);
}

TEST_CASE("a failed statement that the function swallows does not become a quiet rollback") {
  fixture f;
  auto work = [](db::tx& t) {
    t.run(sql_insert, 1);
    try {
      t.run(sql_insert, 1);
    } catch (const db::unique_violation&) {
    }
  };
  CHECK_THROWS_AS(f.pool.write_now(work), db::failure);
  CHECK(f.count() == 0);
}

TEST_CASE("a unique violation names its constraint") {
  fixture f;
  f.pool.write_now([](db::tx& t) { insert(t, 1); });
  try {
    f.pool.write_now([](db::tx& t) { insert(t, 1); });
    FAIL("nothing was thrown");
  } catch (const db::unique_violation& e) {
    CHECK(e.sqlstate == "23505");
    CHECK(e.constraint == "things_n_key");
    CHECK(std::string(e.what()).find("(1)") == std::string::npos);  // values stay out of messages
  }
}

TEST_CASE("a savepoint undoes one bad row among many") {
  fixture f;
  f.pool.write_now([](db::tx& t) {
    for (int n : {1, 2, 1, 3}) {
      try {
        t.savepoint([&] { insert(t, n); });
      } catch (const db::unique_violation&) {
      }
    }
    t.savepoint([&] {
      insert(t, 4);
      try {
        t.savepoint([&] { insert(t, 4); });
      } catch (const db::unique_violation&) {
      }
      insert(t, 5);
    });
  });
  CHECK(f.count() == 5);
}

TEST_CASE("a snapshot sees one state and cannot write") {
  fixture f;
  db::pool other({.url = f.database.url(), .connections = 1});
  f.pool.snapshot_now([&](db::tx& t) {
    CHECK(t.run(sql_count)[0].integer(0) == 0);
    other.write_now([](db::tx& w) { insert(w, 1); });
    CHECK(t.run(sql_count)[0].integer(0) == 0);
  });
  CHECK(f.count() == 1);
  CHECK_THROWS_AS(f.pool.snapshot_now([](db::tx& t) { insert(t, 2); }), db::failure);
}

TEST_CASE("serialization failures are repeated, three times at most") {
  fixture f;
  db::pool other({.url = f.database.url(), .connections = 1});
  f.pool.write_now([](db::tx& t) { insert(t, 0); });
  std::atomic<int> rounds{0};
  f.pool.write_now([&](db::tx& t) {
    t.script("set transaction isolation level serializable");
    t.run(sql_count);
    if (++rounds == 1) other.write_now([](db::tx& w) { w.run(sql_bump, 1); });
    t.run(sql_bump, 1);
  });
  CHECK(rounds == 2);

  rounds = 0;
  auto always = [&](db::tx& t) {
    ++rounds;
    t.script("do $$ begin raise exception 'conflict' using errcode = '40001'; end $$");
  };
  try {
    f.pool.write_now(always);
    FAIL("nothing was thrown");
  } catch (const db::failure& e) {
    CHECK(e.sqlstate == "40001");
  }
  CHECK(rounds == 4);
}

TEST_CASE("of two transactions in a deadlock both get through") {
  fixture f;
  f.pool.write_now([](db::tx& t) {
    insert(t, 10);
    insert(t, 20);
  });
  std::atomic<int> rounds_of_both{0};
  std::atomic<int> arrived{0};
  auto cross = [&](int a, int b) {
    bool met = false;
    f.pool.write_now([&](db::tx& t) {
      ++rounds_of_both;
      t.run(sql_bump, a);
      if (!met) {
        met = true;
        ++arrived;
        while (arrived < 2) std::this_thread::yield();
      }
      t.run(sql_bump, b);
    });
  };
  std::thread other([&] { cross(1, 2); });
  cross(2, 1);
  other.join();
  CHECK(rounds_of_both >= 3);
}

TEST_CASE("a full line refuses at once") {
  fixture f(1, 2);
  std::atomic<int> done{0};
  std::atomic<int> refused{0};
  for (int i = 0; i < 6; ++i) {
    f.pool.enqueue(
        db::mode::read, std::nullopt, [](db::tx& t) { sleep_in_database(t, 0.2); },
        [&](const std::exception_ptr& e) {
          if (e)
            ++refused;
          else
            ++done;
        });
    if (i == 0) CHECK(eventually([&] { return f.pool.waiting() == 0; }));  // it runs
  }
  CHECK(refused == 3);
  CHECK(f.pool.waiting() == 2);
  CHECK_THROWS_AS(f.pool.read_now([](db::tx& t) { echo(t, 1); }), db::busy);
  CHECK(eventually([&] { return done == 3; }));
  CHECK(f.pool.waiting() == 0);
}

namespace {
task<> past_deadline(db::pool& p, std::chrono::milliseconds time, std::chrono::milliseconds& took, bool& was_cancelled) {
  auto began = clock_type::now();
  try {
    co_await p.submit(db::mode::read, began + time, sleep_in_database, 5.0);
  } catch (const db::cancelled&) {
    was_cancelled = true;
  }
  took = std::chrono::duration_cast<std::chrono::milliseconds>(clock_type::now() - began);
}
}  // namespace

TEST_CASE("a deadline drops what waits and cancels what runs") {
  fixture f(1);
  boost::asio::io_context io(1);
  std::chrono::milliseconds took[3];
  bool cancelled[3] = {};
  std::vector<task<>> all;
  all.push_back(past_deadline(f.pool, 300ms, took[0], cancelled[0]));
  all.push_back(past_deadline(f.pool, 100ms, took[1], cancelled[1]));  // never gets its turn
  all.push_back(past_deadline(f.pool, -1ms, took[2], cancelled[2]));
  harness::run_all(io, std::move(all));
  CHECK(cancelled[0]);
  CHECK(cancelled[1]);
  CHECK(cancelled[2]);
  CHECK(took[0] >= 300ms);
  CHECK(took[0] < 1500ms);
  CHECK(took[1] < 290ms);
  CHECK(took[2] < 90ms);
  CHECK(f.pool.read_now([](db::tx& t) { return echo(t, 3); }) == 3);  // the session goes on
}

TEST_CASE("a deadline that passes between two statements ends the work, and a write leaves nothing") {
  fixture f(1);
  std::atomic<bool> cancelled{false};
  std::atomic<bool> done{false};
  f.pool.enqueue(
      db::mode::write, clock_type::now() + 50ms,
      [](db::tx& t) {
        insert(t, 1);
        auto enough = clock_type::now() + 20s;
        while (clock_type::now() < enough) {  // one of them begins after the deadline
          std::this_thread::sleep_for(5ms);
          echo(t, 1);
        }
      },
      [&](const std::exception_ptr& e) {
        try {
          if (e) std::rethrow_exception(e);
        } catch (const db::cancelled&) {
          cancelled = true;
        }
        done = true;
      });
  CHECK(eventually([&] { return done.load(); }));
  CHECK(cancelled);
  CHECK(f.count() == 0);
}

TEST_CASE("many deadlines around the time the work takes never hit the next work") {
  fixture f(2);
  std::atomic<int> open{0};
  std::atomic<int> hit{0};
  auto short_work = [](db::tx& t) { sleep_in_database(t, 0.001); };
  auto longer_work = [](db::tx& t) { sleep_in_database(t, 0.002); };
  for (int i = 0; i < 300; ++i) {
    open += 2;
    auto deadline = clock_type::now() + std::chrono::microseconds(500 + i * 37 % 3000);
    f.pool.enqueue(db::mode::read, deadline, longer_work, [&](const std::exception_ptr&) { --open; });
    f.pool.enqueue(db::mode::read, std::nullopt, short_work, [&](const std::exception_ptr& e) {
      if (e) ++hit;
      --open;
    });
  }
  CHECK(eventually([&] { return open == 0; }));
  CHECK(hit == 0);
}

namespace {
task<> sleep_long(db::pool& p, bool& cancelled) {
  try {
    co_await p.read(sleep_in_database, 10.0);
  } catch (const db::cancelled&) {
    cancelled = true;
  }
}
}  // namespace

TEST_CASE("a coroutine that is cancelled ends its query on the server") {
  fixture f(1);
  boost::asio::io_context io(1);
  boost::asio::cancellation_signal running;
  boost::asio::cancellation_signal queued;
  bool first = false;
  bool second = false;
  auto ignore = [](const std::exception_ptr&) {};
  boost::asio::co_spawn(io, sleep_long(f.pool, first), boost::asio::bind_cancellation_slot(running.slot(), ignore));
  boost::asio::co_spawn(io, sleep_long(f.pool, second), boost::asio::bind_cancellation_slot(queued.slot(), ignore));
  boost::asio::steady_timer timer(io, 100ms);
  timer.async_wait([&](auto) {
    queued.emit(boost::asio::cancellation_type::terminal);
    running.emit(boost::asio::cancellation_type::terminal);
  });
  auto began = clock_type::now();
  io.run();
  CHECK(first);
  CHECK(second);
  CHECK(clock_type::now() - began < 2s);
  CHECK(f.pool.read_now([](db::tx& t) { return echo(t, 3); }) == 3);
}

namespace {
task<> sleep_in(db::pool& p, db::mode m, bool& cancelled) {
  try {
    co_await p.submit(m, std::nullopt, sleep_in_database, 5.0);
  } catch (const db::cancelled&) {
    cancelled = true;
  }
}
}  // namespace

TEST_CASE("statement_timeout ends a statement of a request, and none of commands and jobs") {
  harness::database database;
  db::pool p({.url = database.url(), .connections = 1, .statement_timeout = 100ms});
  auto of_a_job = [](db::tx& t) { sleep_in_database(t, 0.2); };
  for (db::mode m : {db::mode::read, db::mode::snapshot, db::mode::write, db::mode::read}) {
    bool cancelled = false;
    harness::run_one(sleep_in(p, m, cancelled));
    CHECK(cancelled);
    CHECK_NOTHROW(p.write_now(of_a_job));
    CHECK_NOTHROW(p.snapshot_now(of_a_job));
    if (m != db::mode::snapshot) CHECK_NOTHROW(p.read_now(of_a_job));
  }
}

TEST_CASE("a closed pool finishes what runs and refuses what waits") {
  harness::database database;
  std::atomic<int> finished{0};
  std::atomic<int> refused{0};
  {
    db::pool p({.url = database.url(), .connections = 1});
    for (int i = 0; i < 3; ++i) {
      p.enqueue(
          db::mode::read, std::nullopt, [](db::tx& t) { sleep_in_database(t, 0.3); },
          [&](const std::exception_ptr& e) {
            try {
              if (e) std::rethrow_exception(e);
              ++finished;
            } catch (const db::lost&) {
              ++refused;
            }
          });
      if (i == 0) CHECK(eventually([&] { return p.waiting() == 0; }));
    }
  }
  CHECK(finished == 1);
  CHECK(refused == 2);
}

TEST_CASE("waiting for a pool on its own thread is a broken promise, not a deadlock") {
  fixture f(1);
  CHECK_THROWS_AS(f.pool.read_now([&](db::tx&) { f.count(); }), std::logic_error);
}

TEST_CASE("a schema change under a prepared statement is survived") {
  fixture f(1);
  constexpr statement sql{"test.star", "select * from things"};
  auto columns = [&](db::tx& t) {
    db::rows r = t.run(sql);
    return r.size();
  };
  f.pool.write_now([](db::tx& t) { insert(t, 1); });
  CHECK(f.pool.read_now(columns) == 1);
  CHECK(f.pool.write_now(columns) == 1);
  db::pool other({.url = f.database.url(), .connections = 1});
  other.write_now([](db::tx& t) { t.script("alter table things add column more text default 'x'"); });
  CHECK(f.pool.read_now(columns) == 1);
  other.write_now([](db::tx& t) { t.script("alter table things add column still_more text"); });
  CHECK(f.pool.write_now(columns) == 1);
}

TEST_CASE("statements are timed by name") {
  fixture f(1);
  f.count();
  std::string text = metrics::expose();
  CHECK(text.find("carrel_query_seconds_count{statement=\"test.count\"}") != std::string::npos);
  CHECK(text.find("carrel_db_waiting") != std::string::npos);
}
