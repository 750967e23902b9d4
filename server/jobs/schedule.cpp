#include <atomic>
#include <condition_variable>
#include <exception>
#include <mutex>
#include <thread>

#include "server/core/log.hpp"
#include "server/jobs/session_lock.hpp"
#include "server/jobs/worker.hpp"

namespace carrel::jobs {

using steady = std::chrono::steady_clock;

struct schedule::state {
  explicit state(db::pool& p) : lock(p, "schedule") {}

  struct entry {
    std::string name;
    std::chrono::seconds period;
    std::function<void()> fn;
    steady::time_point next;
  };

  void run() {
    std::unique_lock guard(mutex);
    while (!stopping) {
      guard.unlock();
      bool ours = lock.hold();
      if (ours) run_due();
      steady::time_point until = steady::now() + std::chrono::seconds(30);
      for (const entry& e : entries) {
        if (ours) until = std::min(until, e.next);
      }
      guard.lock();
      wake.wait_until(guard, until, [&] { return stopping; });
    }
    lock.release();
  }

  void run_due() {
    for (entry& e : entries) {
      if (steady::now() < e.next) continue;
      try {
        e.fn();
      } catch (const std::exception& x) {
        log::error("jobs.schedule", {{"name", e.name}, {"error", x.what()}});
      }
      e.next = steady::now() + e.period;
    }
  }

  session_lock lock;
  std::vector<entry> entries;
  std::mutex mutex;
  std::condition_variable wake;
  bool stopping = false;
  std::thread thread;
};

schedule::schedule(db::pool& pool) : state_(std::make_unique<state>(pool)) {}
schedule::~schedule() { stop(); }

void schedule::every(const std::string& name, std::chrono::seconds period, std::function<void()> fn) {
  CARREL_EXPECT(!state_->thread.joinable());
  state_->entries.push_back({name, period, std::move(fn), steady::now()});
}

void schedule::start() {
  CARREL_EXPECT(!state_->thread.joinable());
  state_->thread = std::thread([this] { state_->run(); });
}

void schedule::stop() {
  {
    std::lock_guard guard(state_->mutex);
    state_->stopping = true;
  }
  state_->wake.notify_all();
  if (state_->thread.joinable()) state_->thread.join();
}

}  // namespace carrel::jobs
