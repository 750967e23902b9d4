#pragma once
// Work of one kind as a whole, where it comes as many small jobs: files that are taken in (product.md 4.11).

#include <optional>
#include <string>

#include "server/db/tx.hpp"

namespace carrel::jobs {

struct backlog {
  std::int64_t waiting = 0, running = 0;
  std::int64_t done = 0, failed = 0;  // in the last 24 hours
  std::optional<double> rate;         // jobs a second, over the last five minutes; absent while too few are done
  bool held = false;
  std::int64_t left() const { return waiting + running; }
  std::optional<std::int64_t> seconds_left() const;
};
backlog backlog_of(db::tx&, const std::string& kind);

// What runs is finished; all else of the kind waits, also after a restart, until it is let go. False when it was so before, or,
// for a hold, when there has never been a job of that kind.
bool hold_kind(db::tx&, const std::string& kind);
bool release_kind(db::tx&, const std::string& kind);

}  // namespace carrel::jobs
