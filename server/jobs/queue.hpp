#pragma once
// Background work (architecture.md 10).

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "server/core/clock.hpp"
#include "server/core/json.hpp"
#include "server/core/uuid.hpp"
#include "server/db/tx.hpp"

namespace carrel::jobs {

struct job {
  uuid id;
  std::string kind, dedupe_key;
  json::object payload;
  int attempts = 0;
  std::string state, last_error;
  std::int64_t done = 0;
  std::optional<std::int64_t> total;
  std::optional<instant> started_at, finished_at;
  instant created_at{};
  std::string payload_text(std::string_view name) const;  // "" when absent
  std::optional<double> rate() const;                     // a second, since it began
  std::optional<std::int64_t> seconds_left() const;       // of one that runs and knows its total
};

// An insert in the caller's transaction plus NOTIFY carrel_jobs; an unfinished job of the same kind and key makes it a no-op
// and its id is returned.
uuid enqueue(db::tx&, const std::string& kind, const std::string& dedupe_key, const json::object& payload,
             std::chrono::seconds delay = {}, const std::optional<uuid>& user = std::nullopt);

// The same for a job that looks for all that is to do: it begins after the caller's commit, or runs once more when it runs just
// now. The caller's transaction should be short, for until its end the job neither begins nor ends.
uuid call(db::tx&, const std::string& kind, const std::string& key);

std::optional<job> find_job(db::tx&, const uuid&);
// Unfinished first, then newest; `without`: of a kind that is told of as a whole (backlog.hpp) those that only wait are left out.
std::vector<job> recent_jobs(db::tx&, int most, std::string_view without = "");
bool cancel_job(db::tx&, const uuid&);
bool retry_job(db::tx&, const uuid&);
// Waits until it is resumed; one that runs ends after the piece in hand and has kept what it did.
bool pause_job(db::tx&, const uuid&);
bool resume_job(db::tx&, const uuid&);
int remove_finished_jobs(db::tx&, instant before);
int pause_jobs(db::tx&, const std::string& kind, bool paused);  // those that wait now; later ones are not held back

// The object of contract.md 4: id, kind, state, done, total, rate, eta_seconds, started_at, error.
json::object to_json(const job&);

}  // namespace carrel::jobs
