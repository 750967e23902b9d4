#include "server/db/batcher.hpp"

#include <algorithm>
#include <atomic>
#include <mutex>
#include <thread>

#include "tests/harness/coroutines.hpp"
#include "tests/harness/database.hpp"
#include "tests/harness/eventually.hpp"

using namespace carrel;
using namespace std::chrono_literals;
using db::statement;
using harness::eventually;

namespace {

constexpr const char* table = "create table taken (seq bigserial primary key, n int not null check (n <> 13))";
constexpr statement sql_take{"test.take", R"sql(
  insert into taken (n) select n from unnest($1::int[]) with ordinality as u(n, o) order by o returning n)sql"};
constexpr statement sql_all{"test.all", "select n from taken order by seq"};

std::vector<int> take(db::tx& t, const std::vector<int>& items) {
  std::vector<int> out;
  for (const db::row& r : t.run(sql_take, items)) out.push_back(static_cast<int>(r.integer(0)) * 2);
  return out;
}

using int_batcher = db::batcher<int, int>;

struct outcome {
  int doubled = 0;
  int failed = 0;
  int wrong = 0;
};

task<> add_some(int_batcher& b, int from, int count, outcome& o) {
  for (int i = from; i < from + count; ++i) {
    try {
      int got = co_await b.add(i);
      if (got == 2 * i)
        ++o.doubled;
      else
        ++o.wrong;
    } catch (const db::failure&) {
      ++o.failed;
    }
  }
}

task<> add_one(int_batcher& b, int n, outcome& o) { return add_some(b, n, 1, o); }

struct fixture {
  harness::database database;
  db::pool pool{{.url = database.url(), .connections = 3}};
  fixture() {
    pool.write_now([](db::tx& t) { t.script(table); });
  }
  std::vector<int> stored() {
    return pool.read_now([](db::tx& t) {
      std::vector<int> out;
      for (const db::row& r : t.run(sql_all)) out.push_back(static_cast<int>(r.integer(0)));
      return out;
    });
  }
};

std::vector<int> numbers(int from, int count) {
  std::vector<int> out;
  for (int i = from; i < from + count; ++i) out.push_back(i);
  return out;
}

}  // namespace

TEST_CASE("items of many coroutines are stored exactly once and answered one by one") {
  fixture f;
  std::size_t batches = 0;
  auto counted = [&](db::tx& t, const std::vector<int>& items) {
    ++batches;
    return take(t, items);
  };
  int_batcher b(f.pool, db::mode::write, "test", counted, 64);
  outcome o;
  boost::asio::io_context io(1);
  std::vector<task<>> all;
  for (int i = 0; i < 40; ++i) all.push_back(add_some(b, 1000 * (i + 1), 25, o));
  harness::run_all(io, std::move(all));
  CHECK(o.doubled == 1000);
  CHECK(o.failed + o.wrong == 0);
  std::vector<int> got = f.stored();
  std::sort(got.begin(), got.end());
  std::vector<int> expected;
  for (int i = 0; i < 40; ++i) {
    for (int n : numbers(1000 * (i + 1), 25)) expected.push_back(n);
  }
  CHECK(got == expected);
  CHECK(batches < 500);
}

TEST_CASE("what arrives while a batch is at the database keeps its order") {
  fixture f;
  int_batcher b(f.pool, db::mode::write, "test", take, 7);
  outcome o;
  boost::asio::io_context io(1);
  std::vector<task<>> all;
  for (int n : numbers(100, 200)) all.push_back(add_one(b, n, o));
  harness::run_all(io, std::move(all));
  CHECK(o.doubled == 200);
  CHECK(f.stored() == numbers(100, 200));
}

TEST_CASE("one bad item fails alone") {
  fixture f;
  int_batcher b(f.pool, db::mode::write, "test", take, 64);
  outcome o;
  boost::asio::io_context io(1);
  std::vector<task<>> all;
  for (int n : numbers(0, 40)) all.push_back(add_one(b, n, o));
  harness::run_all(io, std::move(all));
  CHECK(o.doubled == 39);
  CHECK(o.failed == 1);
  std::vector<int> expected = numbers(0, 40);
  expected.erase(std::find(expected.begin(), expected.end(), 13));
  CHECK(f.stored() == expected);
}

TEST_CASE("a lone item is not delayed") {
  fixture f;
  int_batcher b(f.pool, db::mode::write, "test", take);
  outcome o;
  harness::run_one(add_one(b, 1, o));
  auto began = std::chrono::steady_clock::now();
  harness::run_one(add_one(b, 2, o));
  CHECK(std::chrono::steady_clock::now() - began < 100ms);
  CHECK(o.doubled == 2);
}

TEST_CASE("a batch that lost its connection is not repeated") {
  fixture f;
  std::atomic<int> runs{0};
  auto dies = [&](db::tx& t, const std::vector<int>& items) {
    ++runs;
    std::vector<int> out = take(t, items);
    t.script("select pg_terminate_backend(pg_backend_pid())");
    return out;
  };
  int_batcher b(f.pool, db::mode::write, "test", dies, 64);
  outcome o;
  boost::asio::io_context io(1);
  std::vector<task<>> all;
  for (int n : numbers(100, 10)) all.push_back(add_one(b, n, o));
  harness::run_all(io, std::move(all));
  CHECK(o.failed == 10);
  CHECK(runs == 1);
  CHECK(f.stored().empty());
}

TEST_CASE("a runner that returns another number of results fails everybody") {
  fixture f;
  auto short_one = [](db::tx&, const std::vector<int>&) { return std::vector<int>{}; };
  int_batcher b(f.pool, db::mode::read, "test", short_one, 8);
  bool thrown = false;
  auto one = [](int_batcher& target, bool& t) -> task<> {
    try {
      co_await target.add(1);
    } catch (const std::logic_error&) {
      t = true;
    }
  };
  harness::run_one(one(b, thrown));
  CHECK(thrown);
}

TEST_CASE("items that cannot be copied are repeated after a split all the same") {
  fixture f;
  using owner = std::unique_ptr<int>;
  auto run = [](db::tx& t, const std::vector<owner>& items) {
    std::vector<int> plain;
    for (const owner& i : items) plain.push_back(*i);
    std::vector<std::string> out;
    for (int n : take(t, plain)) out.push_back(std::to_string(n));
    return out;
  };
  db::batcher<owner, std::string> b(f.pool, db::mode::write, "test", run, 64);
  std::vector<std::string> got;
  auto one = [](db::batcher<owner, std::string>& target, int n, std::vector<std::string>& out) -> task<> {
    owner mine = std::make_unique<int>(n);
    try {
      std::string s = co_await target.add(std::move(mine));
      out.push_back(s);
    } catch (const db::failure&) {
      out.emplace_back("failed");
    }
  };
  boost::asio::io_context io(1);
  std::vector<task<>> all;
  for (int n : {1, 12, 13, 14}) all.push_back(one(b, n, got));
  harness::run_all(io, std::move(all));
  std::sort(got.begin(), got.end());
  CHECK(got == std::vector<std::string>{"2", "24", "28", "failed"});
}

TEST_CASE("flush waits for everything that was added") {
  fixture f;
  std::atomic<bool> open{false};
  auto held = [&](db::tx& t, const std::vector<int>& items) {
    while (!open) std::this_thread::yield();
    return take(t, items);
  };
  int_batcher b(f.pool, db::mode::write, "test", held, 4);
  outcome o;
  boost::asio::io_context io(1);
  for (int n : numbers(100, 20)) boost::asio::co_spawn(io, add_one(b, n, o), boost::asio::detached);
  io.poll();
  CHECK(b.waiting() > 0);
  open = true;
  b.flush();
  CHECK(b.waiting() == 0);
  CHECK(f.stored().size() == 20);
  io.restart();
  io.run();
  CHECK(o.doubled == 20);
}

TEST_CASE("a second lane opens for as many items as are under way, not for fewer") {
  fixture f;
  std::mutex mutex;
  std::vector<std::size_t> sizes;
  std::atomic<std::size_t> allowed{0};
  auto held = [&](db::tx&, const std::vector<int>& items) {
    std::size_t mine = 0;
    {
      std::lock_guard lock(mutex);
      sizes.push_back(items.size());
      mine = sizes.size();
    }
    while (allowed < mine) std::this_thread::yield();
    std::vector<int> out;
    for (int n : items) out.push_back(2 * n);
    return out;
  };
  int_batcher b(f.pool, db::mode::read, "test", held, 64, 2);
  outcome o;
  boost::asio::io_context io(1);
  auto go_on = [&] {
    io.restart();
    io.poll();
  };
  auto add = [&](int count) {
    for (int n : numbers(0, count)) boost::asio::co_spawn(io, add_one(b, n, o), boost::asio::detached);
    go_on();
  };
  auto begun = [&] {
    std::lock_guard lock(mutex);
    return sizes;
  };
  using list = std::vector<std::size_t>;
  add(2);
  REQUIRE(eventually([&] { return begun() == list{2}; }));
  add(15);
  CHECK(b.waiting() == 15);  // more than are under way, and fewer than are worth a lane
  add(1);
  REQUIRE(eventually([&] { return begun() == list{2, 16}; }));
  add(17);
  CHECK(b.waiting() == 17);
  allowed = 1;
  REQUIRE(eventually([&] { return begun().size() == 3; }));
  CHECK(begun() == list{2, 16, 17});
  allowed = 2;
  auto answered = [&] {
    go_on();
    return o.doubled == 18;
  };
  REQUIRE(eventually(answered));
  add(16);
  CHECK(b.waiting() == 16);
  add(1);
  REQUIRE(eventually([&] { return begun() == list{2, 16, 17, 17}; }));
  allowed = 100;
  b.flush();
  io.restart();
  io.run();
  CHECK(o.doubled == 52);
}

TEST_CASE("items of coroutines that are ready together go together") {
  fixture f;
  std::vector<std::size_t> sizes;
  auto counted = [&](db::tx& t, const std::vector<int>& items) {
    sizes.push_back(items.size());
    return take(t, items);
  };
  int_batcher b(f.pool, db::mode::write, "test", counted, 64);
  outcome o;
  boost::asio::io_context io(1);
  std::vector<task<>> all;
  for (int n : numbers(100, 10)) all.push_back(add_one(b, n, o));
  harness::run_all(io, std::move(all));
  CHECK(o.doubled == 10);
  CHECK(sizes == std::vector<std::size_t>{10});
}

TEST_CASE("what waits for its company is done even when its loop runs no more") {
  fixture f;
  int_batcher b(f.pool, db::mode::write, "test", take, 64);
  outcome o;
  boost::asio::io_context io(1);
  for (int n : numbers(100, 3)) boost::asio::co_spawn(io, add_one(b, n, o), boost::asio::detached);
  for (int i = 0; i < 3; ++i) io.run_one();
  CHECK(b.waiting() == 3);
  b.flush();
  CHECK(f.stored() == numbers(100, 3));
  io.restart();
  io.run();
  CHECK(o.doubled == 3);
}
