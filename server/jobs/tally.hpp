#pragma once
// How much work waits and for how long, for /metrics.

#include <map>
#include <string>
#include <utility>

#include "server/core/metrics.hpp"
#include "server/db/pool.hpp"

namespace carrel::jobs {

// carrel_jobs{kind,state}: unfinished jobs; carrel_jobs_oldest_seconds{kind}: how long the first of those that are due waits
// already. One thread at a time.
class tally {
 public:
  void refresh(db::pool&);  // throws db::failure

 private:
  std::map<std::pair<std::string, std::string>, metrics::gauge> counts_;
  std::map<std::string, metrics::gauge> ages_;
};

}  // namespace carrel::jobs
