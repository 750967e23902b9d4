#include "household.hpp"

#include <catch2/catch.hpp>

namespace carrel::ingest::test {

household::household(bool poll_only) : bell(b.database.url()), workers(b.pool, bell, 2, "test") {
  b.with.how.poll_only = poll_only;
  if (!poll_only) b.with.how.scan_every = std::chrono::hours(1);  // inotify alone
  register_jobs(workers, b.with);
  workers.start();
  watch_again();
}

household::~household() {
  eyes->stop();
  workers.stop();
}

void household::watch_again() {
  if (eyes) eyes->stop();
  eyes.emplace(b.with);
  REQUIRE_FALSE(eyes->start());
  REQUIRE(eventually([&] { return eyes->active(); }));
}

std::string household::errata() {
  return b.text(
      "select coalesce(string_agg(display_name || ' ' || error_code, ', ' order by display_name), '') from ingest_items"
      " where state in ('rejected', 'failed') and dismissed_at is null");
}

}  // namespace carrel::ingest::test
