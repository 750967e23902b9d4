#pragma once
// Claiming and finishing; what a worker says to the jobs table. Not for other folders.

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "server/jobs/queue.hpp"

namespace carrel::jobs {

constexpr std::chrono::seconds lease_time{60};

struct claimed {
  std::optional<job> work;
  bool gave_up = false;         // a job whose workers died too often was put away; look again
  std::optional<instant> next;  // when nothing was found: the earliest moment at which something may be
};
// The oldest waiting job of these kinds that is due, or one whose worker died.
claimed claim(db::tx&, const std::vector<std::string>& kinds, const std::string& holder);

// Those that are still ours.
std::vector<uuid> extend_leases(db::tx&, const std::vector<uuid>&, const std::string& holder);
bool store_progress(db::tx&, const uuid& job, const std::string& holder, std::int64_t done, std::optional<std::int64_t> total);

struct outcome {
  enum kind { done, failed, again, later, released } how;
  std::string error;
  std::chrono::seconds after{};  // for later
};
const char* name_of(outcome::kind);

// Writes the outcome when the lease is still ours; else the job is somebody else's business.
void settle(db::tx&, const job&, const std::string& holder, const outcome&);

}  // namespace carrel::jobs
