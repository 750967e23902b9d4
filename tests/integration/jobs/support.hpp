#pragma once

#include <chrono>
#include <string>

#include "server/db/pool.hpp"
#include "server/jobs/worker.hpp"
#include "tests/harness/database.hpp"
#include "tests/harness/eventually.hpp"

namespace carrel::jobs::test {

// A migrated database of its own with the jobs of one server process.
struct home {
  home();
  harness::database database;
  db::pool pool;
  db::notifier bell;

  uuid enqueue(const std::string& kind, const std::string& key, const json::object& payload = {},
               std::chrono::seconds delay = {});
  job load(const uuid&);
  std::int64_t number(const char* sql);
};

// The clock stands still, and goes on when told to.
class still_clock {
 public:
  still_clock() { set_clock(at_); }
  ~still_clock() { set_clock(std::nullopt); }
  void pass(std::chrono::seconds s) { set_clock(at_ += s); }

 private:
  instant at_ = now();
};

}  // namespace carrel::jobs::test
