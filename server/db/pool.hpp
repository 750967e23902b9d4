#pragma once
// Database threads with a connection each. Coroutines wait for them; nothing here runs on an I/O thread but the hand-over.

#include <boost/asio/async_result.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <chrono>
#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <tuple>
#include <type_traits>

#include "server/core/task.hpp"
#include "server/db/tx.hpp"

namespace carrel::db {

struct pool_options {
  std::string url;  // libpq URL or keywords
  unsigned connections = 4;
  std::size_t queue = 1024;                             // more waiting work is refused with `busy`
  std::chrono::milliseconds statement_timeout{30'000};  // of statements of coroutines; the blocking forms have none; 0 = none
  std::string application = "carrel";
};

enum class mode { read, snapshot, write };

class pool {
 public:
  explicit pool(pool_options);
  ~pool();  // finishes what runs, refuses what waits, joins

  // Runs fn(tx&, args...) on a database thread and resumes on the caller's executor with its value.
  //   read      autocommit, one round trip per statement
  //   snapshot  one repeatable-read, read-only transaction
  //   write     one transaction, committed before the coroutine resumes; retried up to three times on 40001 and 40P01,
  //             so fn must be repeatable. A connection that breaks during commit throws `lost`; it is never repeated.
  // fn and args are moved or copied into the work: pass names, not lambdas with captures, in a co_await (architecture.md 6).
  template <class F, class... A>
  auto read(F fn, A... args) {
    return submit(mode::read, deadline_none(), std::move(fn), std::move(args)...);
  }
  template <class F, class... A>
  auto snapshot(F fn, A... args) {
    return submit(mode::snapshot, deadline_none(), std::move(fn), std::move(args)...);
  }
  template <class F, class... A>
  auto write(F fn, A... args) {
    return submit(mode::write, deadline_none(), std::move(fn), std::move(args)...);
  }

  // The same with a deadline: queued work past it is dropped, running work is cancelled on the server; both throw `cancelled`.
  template <class F, class... A>
  auto submit(mode m, std::optional<std::chrono::steady_clock::time_point> deadline, F fn, A... args) {
    using R = std::invoke_result_t<F&, tx&, A&...>;
    return run_task<R>(m, deadline, std::move(fn), std::make_tuple(std::move(args)...));
  }

  // Blocking forms for commands, workers and tests. Not on an I/O thread.
  template <class F>
  auto read_now(F&& fn) {
    return now<std::invoke_result_t<F&, tx&>>(mode::read, fn);
  }
  template <class F>
  auto snapshot_now(F&& fn) {
    return now<std::invoke_result_t<F&, tx&>>(mode::snapshot, fn);
  }
  template <class F>
  auto write_now(F&& fn) {
    return now<std::invoke_result_t<F&, tx&>>(mode::write, fn);
  }

  // The unit everything above is made of: `work` runs on a database thread in the given mode; `done` is called there
  // afterwards, with null or what was thrown (commit included).
  void enqueue(mode, std::optional<std::chrono::steady_clock::time_point> deadline, std::function<void(tx&)> work,
               std::function<void(std::exception_ptr)> done);

  std::size_t waiting() const;
  const pool_options& options() const;

 private:
  static std::optional<std::chrono::steady_clock::time_point> deadline_none() { return std::nullopt; }

  template <class R>
  using slot = std::conditional_t<std::is_void_v<R>, char, std::optional<std::conditional_t<std::is_void_v<R>, char, R>>>;

  template <class R, class F, class T>
  task<R> run_task(mode m, std::optional<std::chrono::steady_clock::time_point> deadline, F fn, T args) {
    auto out = std::make_shared<slot<R>>();
    std::function<void(tx&)> work = [out, fn = std::make_shared<F>(std::move(fn)),
                                     args = std::make_shared<T>(std::move(args))](tx& t) {
      auto call = [&](auto&... a) {
        if constexpr (std::is_void_v<R>)
          (*fn)(t, a...);
        else
          out->emplace((*fn)(t, a...));
      };
      std::apply(call, *args);
    };
    co_await wait_for(m, deadline, std::move(work));
    if constexpr (!std::is_void_v<R>) co_return std::move(**out);
  }

  task<> wait_for(mode, std::optional<std::chrono::steady_clock::time_point> deadline, std::function<void(tx&)> work);
  void block_for(mode, std::function<void(tx&)> work);

  template <class R, class F>
  R now(mode m, F& fn) {
    if constexpr (std::is_void_v<R>) {
      block_for(m, [&](tx& t) { fn(t); });
    } else {
      std::optional<R> out;
      block_for(m, [&](tx& t) { out.emplace(fn(t)); });
      return std::move(*out);
    }
  }

  struct state;
  std::shared_ptr<state> state_;
};

}  // namespace carrel::db
