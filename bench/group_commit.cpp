// How much group commit gains: the same durable pushes from 64 waiting coroutines, once with one transaction each and once
// through the batcher, in one run against one private cluster. bench/run.py kosync starts it.
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <chrono>
#include <cstdio>

#include "database.hpp"
#include "kosync/turns.hpp"
#include "library/position.hpp"
#include "library/user.hpp"
#include "server/db/batcher.hpp"

namespace {

using namespace carrel;

constexpr int coroutines = 64;
constexpr std::chrono::seconds span{4};

std::vector<library::stored_position> put(db::tx& tx, const std::vector<library::position>& all) {
  return library::put_positions(tx, all, {});
}

library::stored_position put_one(db::tx& tx, const library::position& p) { return library::put_positions(tx, {p}, {}).front(); }

library::position position_of(const uuid& user, int writer, int n) {
  library::position p;
  p.user = user;
  p.document = "document-" + std::to_string(writer) + "-" + std::to_string(n % 50);
  p.progress = "/body/DocFragment[" + std::to_string(n) + "]";
  p.device = "bench";
  p.device_key = "n:bench/" + std::to_string(writer);
  p.percentage = (n % 10'000) / 10'000.0;
  p.timestamp = 1'800'000'000 + n;
  return p;
}

using clock = std::chrono::steady_clock;
using grouped = db::batcher<library::position, library::stored_position>;

task<> write_alone(db::pool& pool, uuid user, int writer, clock::time_point end, long& count) {
  for (int n = 0; clock::now() < end; ++n) {
    library::position p = position_of(user, writer, n);
    co_await pool.write(put_one, p);
    ++count;
  }
}

task<> write_grouped(grouped& batch, uuid user, int writer, clock::time_point end, long& count) {
  for (int n = 0; clock::now() < end; ++n) {
    library::position p = position_of(user, writer, n);
    co_await batch.add(std::move(p));
    ++count;
  }
}

template <class Start>
double rate(Start start) {
  boost::asio::io_context io(1);
  long count = 0;
  clock::time_point begun = clock::now(), end = begun + span;
  for (int writer = 0; writer < coroutines; ++writer) {
    boost::asio::co_spawn(io, start(writer, end, count), boost::asio::detached);
  }
  io.run();
  return static_cast<double>(count) / std::chrono::duration<double>(clock::now() - begun).count();
}

int run() {
  auto opened = bench::open_database(4);
  if (!opened) return std::fprintf(stderr, "group_commit: %s\n", opened.error().message().c_str()), 1;
  db::pool& pool = *opened->pool;
  uuid user = pool.write_now([](db::tx& tx) {
    std::string name = "bench" + uuid::make().text().substr(24);
    return library::add_user(tx, name, library::role::reader, std::nullopt).id;
  });
  double alone = rate([&](int w, clock::time_point end, long& count) { return write_alone(pool, user, w, end, count); });
  grouped batch(pool, db::mode::write, "bench.put", put, kosync::batch_size, kosync::lanes);
  double together = rate([&](int w, clock::time_point end, long& count) { return write_grouped(batch, user, w, end, count); });
  std::printf("%-58s %14.0f /s\n", "durable push, one transaction each, 64 waiting", alone);
  std::printf("%-58s %14.0f /s\n", "durable push, group commit, 64 waiting", together);
  std::printf("%-58s %15.1f x   >= 4 x\n", "group commit / one transaction each", together / alone);
  return 0;
}

}  // namespace

int main() {
  try {
    return run();
  } catch (const std::exception& e) {
    return std::fprintf(stderr, "group_commit: %s\n", e.what()), 1;
  }
}
