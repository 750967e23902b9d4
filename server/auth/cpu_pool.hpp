#pragma once

#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <tuple>

#include "server/core/task.hpp"

namespace carrel::auth {

// A few threads for work that takes milliseconds: password hashes, pictures, splitting uploads. Never for the database.
class cpu_pool {
 public:
  explicit cpu_pool(unsigned threads);
  ~cpu_pool();

  // Runs fn(args...) there; resumes on the caller's executor. fn and args are moved into the work.
  template <class F, class... A>
  auto run(F fn, A... args) {
    using R = std::invoke_result_t<F&, A&...>;
    return run_task<R>(std::move(fn), std::make_tuple(std::move(args)...));
  }

  void post(std::function<void()> work);

 private:
  template <class R, class F, class T>
  task<R> run_task(F fn, T args) {
    auto out = std::make_shared<std::optional<std::conditional_t<std::is_void_v<R>, char, R>>>();
    std::function<void()> work = [out, fn = std::make_shared<F>(std::move(fn)), args = std::make_shared<T>(std::move(args))] {
      auto call = [&](auto&... a) {
        if constexpr (std::is_void_v<R>)
          (*fn)(a...);
        else
          out->emplace((*fn)(a...));
      };
      std::apply(call, *args);
    };
    co_await wait_for(std::move(work));
    if constexpr (!std::is_void_v<R>) co_return std::move(**out);
  }
  task<> wait_for(std::function<void()> work);

  struct state;
  std::shared_ptr<state> state_;
};

}  // namespace carrel::auth
