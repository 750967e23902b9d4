#include "server/auth/cpu_pool.hpp"

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>
#include <vector>

#include "server/core/log.hpp"
#include "server/core/resume.hpp"
#include "server/http/message.hpp"

namespace carrel::auth {
namespace {

// More than a minute of password checks; what comes after that is refused instead of waiting (architecture.md 6).
constexpr std::size_t most_waiting = 1024;

}  // namespace

struct cpu_pool::state {
  std::mutex mutex;
  std::condition_variable changed;
  std::deque<std::function<void()>> waiting;
  bool stopping = false;
  std::vector<std::thread> threads;

  bool add(std::function<void()> work) {
    {
      std::lock_guard lock(mutex);
      if (stopping || waiting.size() >= most_waiting) return false;
      waiting.push_back(std::move(work));
    }
    changed.notify_one();
    return true;
  }

  void run() {
    while (true) {
      std::function<void()> work;
      {
        std::unique_lock lock(mutex);
        changed.wait(lock, [&] { return stopping || !waiting.empty(); });
        if (waiting.empty()) return;
        work = std::move(waiting.front());
        waiting.pop_front();
      }
      try {
        work();
      } catch (const std::exception& e) {
        log::error("cpu_pool.failed", {{"reason", e.what()}});
      }
    }
  }
};

cpu_pool::cpu_pool(unsigned threads) : state_(std::make_shared<state>()) {
  for (unsigned i = 0; i < std::max(1U, threads); ++i) {
    state_->threads.emplace_back([s = state_.get()] { s->run(); });
  }
}

cpu_pool::~cpu_pool() {
  {
    std::lock_guard lock(state_->mutex);
    state_->stopping = true;
  }
  state_->changed.notify_all();
  for (std::thread& t : state_->threads) t.join();
}

void cpu_pool::post(std::function<void()> work) {
  if (!state_->add(std::move(work))) log::warn("cpu_pool.full");
}

task<> cpu_pool::wait_for(std::function<void()> work) {
  auto start = [s = state_, work = std::move(work)](const std::shared_ptr<waiter>& who) {
    auto job = [who, work] {
      std::exception_ptr error;
      try {
        work();
      } catch (...) {
        error = std::current_exception();
      }
      resume(who, error);
    };
    if (s->add(std::move(job))) return;
    http::problem busy{503, "too much is waiting, try again in a moment", "busy"};
    busy.headers.emplace_back("Retry-After", "5");
    resume(who, std::make_exception_ptr(busy));
  };
  return suspend(std::move(start));
}

}  // namespace carrel::auth
