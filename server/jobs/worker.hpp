#pragma once

#include <functional>
#include <map>
#include <memory>
#include <stdexcept>
#include <string>

#include "server/db/notify.hpp"
#include "server/db/pool.hpp"
#include "server/jobs/queue.hpp"

namespace carrel::jobs {

// Thrown by a handler: do not try again; the text is the job's last_error.
struct give_up : std::runtime_error {
  using std::runtime_error::runtime_error;
};
// Thrown by a handler: not now; try again after a while without counting it as a failure (disk full, database busy).
struct not_now : std::runtime_error {
  not_now(const std::string& why, std::chrono::seconds after_) : std::runtime_error(why), after(after_) {}
  std::chrono::seconds after;
};

class progress {
 public:
  virtual void report(std::int64_t done, std::optional<std::int64_t> total) = 0;  // written at most once a second
  virtual bool stopping() const = 0;  // shutdown or cancelled: return soon; the job is released, not failed
 protected:
  ~progress() = default;
};

// Handlers run on worker threads, may block, and may run twice: they ask what is already true before they act.
using handler = std::function<void(const job&, progress&)>;

// Claims with for update skip locked, a lease of a minute, extended while working. Failures wait 10 s, 1 min, 5 min, 30 min, 2 h;
// the sixth stays failed. Looks on every carrel_jobs notification and every 30 s.
class workers {
 public:
  workers(db::pool&, db::notifier&, unsigned threads, std::string process_name);
  ~workers();
  void on(const std::string& kind, handler);  // before start()
  void start();
  void stop();     // stops claiming, waits for handlers up to their own stopping(), releases leases
  bool run_one();  // for tests and commands: claims and runs one job here; false when there is none

 private:
  struct state;
  std::unique_ptr<state> state_;
};

// Periodic work: fn runs about every `period` in one process of all, by advisory lock.
class schedule {
 public:
  explicit schedule(db::pool&);
  ~schedule();
  void every(const std::string& name, std::chrono::seconds period, std::function<void()> fn);  // before start()
  void start();
  void stop();

 private:
  struct state;
  std::unique_ptr<state> state_;
};

}  // namespace carrel::jobs
