#include "support.hpp"

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

home::home()
    : database((migrated_first(), harness::database())), pool({.url = database.url(), .connections = 4}), bell(database.url()) {}

uuid home::enqueue(const std::string& kind, const std::string& key, const json::object& payload, std::chrono::seconds delay) {
  return pool.write_now([&](db::tx& tx) { return jobs::enqueue(tx, kind, key, payload, delay); });
}

job home::load(const uuid& id) {
  return pool.read_now([&](db::tx& tx) { return find_job(tx, id).value(); });
}

std::int64_t home::number(const char* sql) {
  return pool.read_now([&](db::tx& tx) { return tx.run({sql, sql})[0].integer(0); });
}

}  // namespace carrel::jobs::test
