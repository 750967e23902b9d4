// Measurements, not part of the test run: db_test "[.speed]".

#include <chrono>

#include "server/db/batcher.hpp"
#include "server/db/pool.hpp"
#include "tests/harness/coroutines.hpp"
#include "tests/harness/database.hpp"

using namespace carrel;
using db::statement;

namespace {

constexpr statement sql_one{"speed.one", "select 1"};
constexpr statement sql_insert{"speed.insert", "insert into speed (n) select unnest($1::int[])"};
constexpr int coroutines = 64;

int one(db::tx& t) { return static_cast<int>(t.run(sql_one)[0].integer(0)); }

task<> read_often(db::pool& p, int times) {
  for (int i = 0; i < times; ++i) co_await p.read(one);
}

using int_batcher = db::batcher<int, int>;

task<> add_often(int_batcher& b, int times) {
  for (int i = 0; i < times; ++i) co_await b.add(i);
}

template <class F>
void measure(const char* what, int times, F make) {
  boost::asio::io_context io(1);
  std::vector<task<>> all;
  for (int i = 0; i < coroutines; ++i) all.push_back(make(times));
  auto began = std::chrono::steady_clock::now();
  harness::run_all(io, std::move(all));
  double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count();
  WARN(what << ": " << static_cast<int>(coroutines * times / seconds) << " per second");
}

}  // namespace

TEST_CASE("how fast are calls", "[.speed]") {
  harness::database database;
  for (unsigned connections : {1U, 2U, 4U}) {
    db::pool p({.url = database.url(), .connections = connections});
    p.read_now(one);
    measure(("pool.read, connections " + std::to_string(connections)).c_str(), 1000, [&](int n) { return read_often(p, n); });
  }
  db::pool p({.url = database.url(), .connections = 2});
  p.write_now([](db::tx& t) { t.script("create table speed (n int)"); });
  auto trivial = [](db::tx&, const std::vector<int>& items) { return items; };
  int_batcher nothing(p, db::mode::read, "nothing", trivial);
  measure("batcher.add, runner without a statement", 10'000, [&](int n) { return add_often(nothing, n); });
  auto reads = [](db::tx& t, const std::vector<int>& items) {
    one(t);
    return items;
  };
  int_batcher reader(p, db::mode::read, "reader", reads);
  measure("batcher.add, one select for a batch", 5000, [&](int n) { return add_often(reader, n); });
  auto writes = [](db::tx& t, const std::vector<int>& items) {
    t.run(sql_insert, items);
    return items;
  };
  int_batcher writer(p, db::mode::write, "writer", writes);
  measure("batcher.add, one insert and commit for a batch", 1000, [&](int n) { return add_often(writer, n); });
}
