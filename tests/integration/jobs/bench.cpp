#include "bench.hpp"

#include <thread>

#include "schema/migrations.hpp"

namespace carrel::jobs::test {
namespace {

bool migrated_first() {
  static const bool done = [] {
    harness::use_migrations(schema::migrations());
    return true;
  }();
  return done;
}

}  // namespace

bench::bench()
    : database((migrated_first(), harness::database())), pool({.url = database.url(), .connections = 4}), bell(database.url()) {}

uuid bench::enqueue(const std::string& kind, const std::string& key, const json::object& payload, std::chrono::seconds delay) {
  return pool.write_now([&](db::tx& tx) { return jobs::enqueue(tx, kind, key, payload, delay); });
}

job bench::load(const uuid& id) {
  return pool.read_now([&](db::tx& tx) { return find_job(tx, id).value(); });
}

std::int64_t bench::number(const char* sql) {
  return pool.read_now([&](db::tx& tx) { return tx.run({sql, sql})[0].integer(0); });
}

bool eventually(const std::function<bool()>& holds) {
  auto until = std::chrono::steady_clock::now() + std::chrono::seconds(10);
  while (std::chrono::steady_clock::now() < until) {
    if (holds()) return true;
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  return holds();
}

}  // namespace carrel::jobs::test
