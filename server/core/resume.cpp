#include "server/core/resume.hpp"

#include <boost/asio/associated_cancellation_slot.hpp>
#include <boost/asio/associated_executor.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/execution/outstanding_work.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/prefer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <latch>
#include <optional>

namespace carrel {
namespace asio = boost::asio;

waiter::~waiter() = default;

namespace {

template <class Handler>
class handler_waiter final : public waiter {
 public:
  explicit handler_waiter(Handler h) : handler_(std::move(h)) {
    executor_ = asio::prefer(asio::get_associated_executor(*handler_), asio::execution::outstanding_work.tracked);
  }

 protected:
  void finish(std::exception_ptr error) override {
    auto slot = asio::get_associated_cancellation_slot(*handler_);
    if (slot.is_connected()) slot.clear();
    Handler h = std::move(*handler_);
    handler_.reset();
    std::move(h)(error);
  }

  void watch(std::function<void()> call) override {
    auto slot = asio::get_associated_cancellation_slot(*handler_);
    if (slot.is_connected()) slot.assign([call = std::move(call)](asio::cancellation_type) { call(); });
  }

 private:
  std::optional<Handler> handler_;
};

// The loop may end with the coroutine that is resumed, and whoever ran it may destroy it then. So the coroutine goes on only when
// this thread has let go of the loop, its claim to be work for it included.
template <class Then>
void hand_over(asio::any_io_executor loop, Then then) {
  auto let_go = std::make_shared<std::latch>(1);
  asio::post(loop, [let_go, then = std::move(then)]() mutable {
    let_go->wait();
    then();
  });
  loop = {};
  let_go->count_down();
}

struct start_waiting {
  template <class Handler>
  void operator()(Handler&& handler, const std::function<void(std::shared_ptr<waiter>)>& start) const {
    start(std::make_shared<handler_waiter<std::decay_t<Handler>>>(std::forward<Handler>(handler)));
  }
};

}  // namespace

task<> suspend(std::function<void(std::shared_ptr<waiter>)> start) {
  constexpr asio::use_awaitable_t<> token;
  return asio::async_initiate<const asio::use_awaitable_t<>, void(std::exception_ptr)>(start_waiting{}, token, std::move(start));
}

void resume(std::shared_ptr<waiter> w, std::exception_ptr error) {
  asio::any_io_executor loop = std::move(w->executor_);
  hand_over(std::move(loop), [w = std::move(w), error = std::move(error)] { w->finish(error); });
}

void resume_all(std::vector<std::pair<std::shared_ptr<waiter>, std::exception_ptr>> all) {
  using group = std::vector<std::pair<std::shared_ptr<waiter>, std::exception_ptr>>;
  std::vector<group> groups;
  for (auto& item : all) {
    group* home = nullptr;
    for (group& g : groups) {
      if (g.front().first->executor_ == item.first->executor_) home = &g;
    }
    if (home == nullptr) home = &groups.emplace_back();
    home->push_back(std::move(item));
  }
  for (group& g : groups) {
    asio::any_io_executor loop = g.front().first->executor_;
    asio::any_io_executor home = loop;
    for (auto& item : g) item.first->executor_ = {};
    hand_over(std::move(loop), [g = std::move(g), home = std::move(home)]() mutable {
      for (std::size_t i = 0; i < g.size(); ++i) {
        try {
          g[i].first->finish(g[i].second);
        } catch (...) {  // of one coroutine's owner; the others go on
          for (std::size_t k = i + 1; k < g.size(); ++k) {
            g[k].first->executor_ = home;
            resume(std::move(g[k].first), g[k].second);
          }
          throw;
        }
      }
    });
  }
}

void on_cancel(const std::shared_ptr<waiter>& w, std::function<void()> call) { w->watch(std::move(call)); }

void after_what_is_ready(const std::shared_ptr<waiter>& w, std::function<void()> call) {
  asio::post(w->executor_, std::move(call));
}

}  // namespace carrel
