#pragma once
// The bounded line of work in front of a pool's connections, their threads, and the watchdog that ends what takes too
// long. Internal to server/db.

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <exception>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include "server/core/metrics.hpp"
#include "server/db/connection.hpp"
#include "server/db/pool.hpp"

namespace carrel::db {

class worker;

struct job {
  mode how;
  std::function<void(tx&)> work;
  std::function<void(std::exception_ptr)> done;
  bool limited = true;            // by statement_timeout
  std::atomic<bool> stop{false};  // its time is over; no further statement begins

  // Under the line's mutex.
  enum class place { waiting, running, gone } where = place::waiting;
  std::list<std::shared_ptr<job>>::iterator spot;
  worker* by = nullptr;
  std::optional<std::multimap<std::chrono::steady_clock::time_point, std::shared_ptr<job>>::iterator> alarm;
};

// A thread's connection, and whose work it does just now; the watchdog cancels through it.
class worker {
 public:
  explicit worker(const session& s) : session_(s) {}

  void replace_connection();  // throws lost
  void drop_connection();
  connection* link() { return link_.get(); }

  void begin(job* j);
  bool end();           // true: a cancel was sent for it
  void cancel(job* j);  // from the watchdog: nothing happens when it has ended meanwhile

  // Under the line's mutex.
  bool called = false;
  std::condition_variable wake;

 private:
  const session& session_;
  std::unique_ptr<connection> link_;
  std::mutex guard_;  // held while a cancel is on its way, so that it cannot hit the next work
  job* current_ = nullptr;
  bool cancel_sent_ = false;
};

class work_line : public std::enable_shared_from_this<work_line> {
 public:
  explicit work_line(pool_options);

  void start();
  void stop();  // finishes what runs, refuses what waits, joins

  // Null when refused; `done` has then been called already.
  std::shared_ptr<job> add(mode, std::optional<std::chrono::steady_clock::time_point> deadline, std::function<void(tx&)>,
                           std::function<void(std::exception_ptr)>, bool limited = true);
  void cancel(const std::shared_ptr<job>&);

  std::size_t waiting() const;
  const pool_options& options() const { return options_; }
  bool on_own_thread() const;

 private:
  using clock = std::chrono::steady_clock;

  void serve(worker&);
  void watch();
  std::shared_ptr<job> next(worker&, bool& idled);
  void call_idle();
  void run(worker&, job&, bool idled);
  void attempt(worker&, job&);
  void connect(worker&);
  void finished(const std::shared_ptr<job>&);
  void take_out(const std::shared_ptr<job>&);

  const pool_options options_;
  const session session_;
  const metrics::gauge waiting_gauge_;
  const metrics::counter refused_;
  const metrics::counter retried_;

  mutable std::mutex mutex_;
  // Who became idle last is called first: while there is little to do few connections do it, and what they know of it stays in
  // the processor's caches.
  std::vector<worker*> idle_;
  std::condition_variable alarm_changed_;
  clock::time_point watch_until_ = clock::time_point::max();  // the watchdog looks by itself then
  std::list<std::shared_ptr<job>> line_;
  std::multimap<clock::time_point, std::shared_ptr<job>> alarms_;
  bool stopping_ = false;
  bool watching_ = true;

  // While the database is away one attempt to connect is made now and then; other work fails at once.
  clock::time_point away_until_{};
  std::chrono::milliseconds away_delay_{0};
  std::string away_reason_;

  std::vector<std::unique_ptr<worker>> workers_;
  std::vector<std::thread> threads_;
  std::thread watchdog_;
};

}  // namespace carrel::db
