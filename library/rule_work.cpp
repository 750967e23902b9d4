#include "library/rule_work.hpp"

#include <condition_variable>
#include <mutex>
#include <thread>

#include "library/rule_shelf.hpp"
#include "server/core/log.hpp"
#include "server/core/thread.hpp"

namespace carrel::library {
namespace {

constexpr std::chrono::milliseconds lull{200};  // what belongs together comes together
constexpr std::chrono::seconds until_midnight_is_noticed{60}, after_failure{5};
constexpr int at_once = 50;

}  // namespace

struct rule_work::state {
  state(db::pool& p, db::notifier& n) : pool(p), notifier(n) {}

  void run() {
    std::unique_lock guard(mutex);
    while (!closing) {
      changed.wait_for(guard, until_midnight_is_noticed, [&] { return closing || rung; });
      changed.wait_for(guard, lull, [&] { return closing; });
      rung = false;
      guard.unlock();
      bool worked = work();
      guard.lock();
      if (!worked) changed.wait_for(guard, after_failure, [&] { return closing; });
      rung = rung || !worked;
    }
  }

  bool stopping() {
    std::lock_guard guard(mutex);
    return closing;
  }

  // False when it has to be tried again.
  bool work() {
    try {
      if (stopping() || !pool.read_now(rules_waiting)) return true;
      pool.write_now(distribute_rule_changes);
      for (std::vector<uuid> due = some_due(); !due.empty(); due = some_due()) {
        for (const uuid& shelf : due) {
          if (stopping()) return true;
          pool.write_now([&](db::tx& tx) { bring_up_to_date(tx, shelf); });
        }
        pool.write_now(distribute_rule_changes);
      }
      return true;
    } catch (const std::exception& e) {
      log::warn("shelf.rules", {{"reason", e.what()}});
      return false;
    }
  }

  std::vector<uuid> some_due() {
    return pool.read_now([](db::tx& tx) { return shelves_due(tx, std::nullopt, at_once); });
  }

  void ring() {
    std::lock_guard guard(mutex);
    rung = true;
    changed.notify_all();
  }

  db::pool& pool;
  db::notifier& notifier;
  std::mutex mutex;
  std::condition_variable changed;
  bool closing = false, rung = true;
  std::optional<unsigned> ear;
  std::thread thread;
};

rule_work::rule_work(db::pool& p, db::notifier& n) : state_(std::make_unique<state>(p, n)) {}
rule_work::~rule_work() { stop(); }

void rule_work::start() {
  state_->ear = state_->notifier.listen("carrel_rules", [s = state_.get()](const std::string&) { s->ring(); });
  state_->thread = quiet_thread([s = state_.get()] { s->run(); });
}

void rule_work::stop() {
  if (state_->ear) state_->notifier.forget(*std::exchange(state_->ear, std::nullopt));
  {
    std::lock_guard guard(state_->mutex);
    state_->closing = true;
    state_->changed.notify_all();
  }
  if (state_->thread.joinable()) state_->thread.join();
}

task<> rules_up_to_date(db::pool& pool, uuid viewer) {
  bool waiting = co_await pool.read(rules_waiting);
  if (!waiting) co_return;
  co_await pool.write(distribute_rule_changes);
  std::optional<uuid> whose = viewer;
  std::vector<uuid> due = co_await pool.read(shelves_due, whose, at_once);
  for (const uuid& shelf : due) co_await pool.write(bring_up_to_date, shelf);
}

}  // namespace carrel::library
