#pragma once
// Coroutines that wait for another thread: of the database, one that computes, one that asks another server.

#include <boost/asio/any_io_executor.hpp>
#include <exception>
#include <functional>
#include <memory>
#include <utility>
#include <vector>

#include "server/core/task.hpp"

namespace carrel {

// A suspended coroutine. Its executor counts as having work until it is resumed.
class waiter {
 public:
  virtual ~waiter();

 protected:
  friend task<> suspend(std::function<void(std::shared_ptr<waiter>)>);
  friend void resume(std::shared_ptr<waiter>, std::exception_ptr);
  friend void resume_all(std::vector<std::pair<std::shared_ptr<waiter>, std::exception_ptr>>);
  friend void on_cancel(const std::shared_ptr<waiter>&, std::function<void()>);
  friend void after_what_is_ready(const std::shared_ptr<waiter>&, std::function<void()>);

  virtual void finish(std::exception_ptr) = 0;  // on the executor
  virtual void watch(std::function<void()>) = 0;
  boost::asio::any_io_executor executor_;
};

// Suspends the caller; `start` gets the means to resume it and may do so from any thread, exactly once.
task<> suspend(std::function<void(std::shared_ptr<waiter>)> start);

// Continues the coroutine on its own executor; with an exception its co_await throws.
void resume(std::shared_ptr<waiter>, std::exception_ptr);
// The same for many, with one hand-over for each executor.
void resume_all(std::vector<std::pair<std::shared_ptr<waiter>, std::exception_ptr>>);

// `call` runs when the coroutine is cancelled while it waits. Only inside `start`.
void on_cancel(const std::shared_ptr<waiter>&, std::function<void()> call);

// `call` runs where the coroutine does, after everything that is ready to run there now. Only inside `start`.
void after_what_is_ready(const std::shared_ptr<waiter>&, std::function<void()> call);

}  // namespace carrel
