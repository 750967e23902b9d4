#include "server/db/pool.hpp"

#include <condition_variable>
#include <mutex>

#include "server/core/error.hpp"
#include "server/core/resume.hpp"
#include "server/db/line.hpp"

namespace carrel::db {

// The line of waiting work is a class of its own (line.hpp); a pool adds the two ways of waiting for it.
struct pool::state {
  explicit state(pool_options o) : line(std::make_shared<work_line>(std::move(o))) {}
  std::shared_ptr<work_line> line;
};

pool::pool(pool_options o) : state_(std::make_shared<state>(std::move(o))) { state_->line->start(); }

pool::~pool() { state_->line->stop(); }

void pool::enqueue(mode m, std::optional<std::chrono::steady_clock::time_point> deadline, std::function<void(tx&)> work,
                   std::function<void(std::exception_ptr)> done) {
  state_->line->add(m, deadline, std::move(work), std::move(done));
}

std::size_t pool::waiting() const { return state_->line->waiting(); }

const pool_options& pool::options() const { return state_->line->options(); }

task<> pool::wait_for(mode m, std::optional<std::chrono::steady_clock::time_point> deadline, std::function<void(tx&)> work) {
  auto start = [line = state_->line, m, deadline, work = std::move(work)](const std::shared_ptr<waiter>& w) mutable {
    auto added = std::make_shared<std::weak_ptr<job>>();
    on_cancel(w, [line = std::weak_ptr<work_line>(line), added] {
      std::shared_ptr<work_line> l = line.lock();
      std::shared_ptr<job> j = added->lock();
      if (l && j) l->cancel(j);
    });
    auto done = [w](std::exception_ptr error) { resume(w, std::move(error)); };
    *added = line->add(m, deadline, std::move(work), std::move(done));
  };
  return suspend(std::move(start));
}

void pool::block_for(mode m, std::function<void(tx&)> work) {
  CARREL_EXPECT(!state_->line->on_own_thread());
  struct outcome {
    std::mutex mutex;
    std::condition_variable changed;
    bool ready = false;
    std::exception_ptr error;
  };
  auto out = std::make_shared<outcome>();
  auto done = [out](std::exception_ptr error) {
    std::lock_guard lock(out->mutex);
    out->error = std::move(error);
    out->ready = true;
    out->changed.notify_all();
  };
  constexpr bool limited = false;  // of commands and jobs
  state_->line->add(m, std::nullopt, std::move(work), done, limited);
  std::unique_lock lock(out->mutex);
  out->changed.wait(lock, [&] { return out->ready; });
  if (std::exception_ptr error = std::move(out->error)) std::rethrow_exception(std::move(error));
}

}  // namespace carrel::db
