#include "kosync/linker.hpp"

#include <condition_variable>
#include <exception>
#include <mutex>
#include <set>
#include <utility>

#include "library/document.hpp"
#include "server/core/log.hpp"

namespace carrel::kosync {
namespace {

constexpr std::size_t most_in_a_turn = 64, most_waiting = 10'000;

}  // namespace

struct linker::state : std::enable_shared_from_this<state> {
  explicit state(db::pool& p) : pool(p) {}

  // Nothing while a turn is under way. With the mutex held.
  library::document_keys next_turn() {
    library::document_keys turn;
    if (running) return turn;
    while (!waiting.empty() && turn.size() < most_in_a_turn) turn.insert(waiting.extract(waiting.begin()));
    running = !turn.empty();
    return turn;
  }

  // Without the mutex: a pool that takes no more work says so before enqueue returns.
  void start(const library::document_keys& turn) {
    if (turn.empty()) return;
    pool.enqueue(
        db::mode::write, std::nullopt, [turn](db::tx& tx) { library::link_documents(tx, turn); },
        [me = shared_from_this()](const std::exception_ptr& error) { me->done(error); });
  }

  void done(const std::exception_ptr& error) {
    try {
      if (error) std::rethrow_exception(error);
    } catch (const std::exception& e) {
      log::warn("kosync.not_linked", {{"reason", e.what()}});
    }
    library::document_keys turn;
    {
      std::lock_guard lock(mutex);
      running = false;
      turn = next_turn();
      if (!running) idle.notify_all();
    }
    start(turn);
  }

  db::pool& pool;
  std::mutex mutex;
  std::condition_variable idle;
  library::document_keys waiting;
  bool running = false;
};

linker::linker(db::pool& pool) : state_(std::make_shared<state>(pool)) {}

linker::~linker() { wait(); }

void linker::look_for_book(const uuid& user, const std::string& document) {
  library::document_keys turn;
  {
    std::lock_guard lock(state_->mutex);
    if (state_->waiting.size() >= most_waiting) return;
    state_->waiting.emplace(user, document);
    turn = state_->next_turn();
  }
  state_->start(turn);
}

void linker::wait() {
  std::unique_lock lock(state_->mutex);
  state_->idle.wait(lock, [this] { return !state_->running; });
}

}  // namespace carrel::kosync
