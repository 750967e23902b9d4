#pragma once

#include "ingest/jobs.hpp"
#include "ingest/watcher.hpp"
#include "workbench.hpp"

namespace carrel::ingest::test {

// A server's part that watches and works.
struct household {
  explicit household(bool poll_only = false);
  ~household();
  fs::path drop() const { return b.with.how.drop_dir; }
  std::int64_t books() { return b.number("select count(*) from books"); }
  // What errata shows, as "name code".
  std::string errata();
  void watch_again();  // as a new start of the server

  workbench b;
  db::notifier bell;
  jobs::workers workers;
  std::optional<watcher> eyes;
};

}  // namespace carrel::ingest::test
