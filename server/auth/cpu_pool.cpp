#include "server/auth/cpu_pool.hpp"

#include <algorithm>
#include <boost/asio/associated_executor.hpp>
#include <boost/asio/execution/outstanding_work.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/prefer.hpp>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>
#include <vector>

#include "server/core/log.hpp"
#include "server/http/message.hpp"

namespace carrel::auth {
namespace asio = boost::asio;

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

namespace {

// Continues the coroutine on its own executor, which counts as having work until then.
template <class Handler>
struct sleeper {
  explicit sleeper(Handler h)
      : handler(std::move(h)),
        executor(asio::prefer(asio::get_associated_executor(handler), asio::execution::outstanding_work.tracked)) {}
  Handler handler;
  asio::any_io_executor executor;

  static void wake(std::shared_ptr<sleeper> me, std::exception_ptr error) {
    asio::any_io_executor where = me->executor;
    asio::post(where, [me = std::move(me), error = std::move(error)] {
      Handler h = std::move(me->handler);
      std::move(h)(error);
    });
  }
};

struct start_work {
  template <class Handler, class Add>
  void operator()(Handler&& handler, std::function<void()> work, Add add) const {
    using waiter = sleeper<std::decay_t<Handler>>;
    auto who = std::make_shared<waiter>(std::forward<Handler>(handler));
    auto job = [who, work = std::move(work)] {
      std::exception_ptr error;
      try {
        work();
      } catch (...) {
        error = std::current_exception();
      }
      waiter::wake(who, error);
    };
    if (add(std::move(job))) return;
    http::problem busy{503, "too much is waiting, try again in a moment", "busy"};
    busy.headers.emplace_back("Retry-After", "5");
    waiter::wake(who, std::make_exception_ptr(busy));
  }
};

}  // namespace

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
  constexpr asio::use_awaitable_t<> token;
  auto add = [s = state_](std::function<void()> job) { return s->add(std::move(job)); };
  return asio::async_initiate<const asio::use_awaitable_t<>, void(std::exception_ptr)>(start_work{}, token, std::move(work),
                                                                                       std::move(add));
}

}  // namespace carrel::auth
