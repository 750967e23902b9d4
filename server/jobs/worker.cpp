#include "server/jobs/worker.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <condition_variable>
#include <mutex>
#include <set>
#include <thread>
#include <vector>

#include "server/core/log.hpp"
#include "server/core/metrics.hpp"
#include "server/jobs/lease.hpp"
#include "server/jobs/tally.hpp"

namespace carrel::jobs {
namespace {

using steady = std::chrono::steady_clock;

const char* kind_help = "jobs that ended, by kind and outcome";

class reporting final : public progress {
 public:
  reporting(db::pool& pool, const uuid& job, const std::string& holder, const std::atomic<bool>& closing)
      : pool_(pool), job_(job), holder_(holder), closing_(closing) {}

  void report(std::int64_t done, std::optional<std::int64_t> total) override {
    steady::time_point at = steady::now();
    if (at - written_ < std::chrono::seconds(1) && done != total) return;
    written_ = at;
    if (!pool_.write_now([&](db::tx& tx) { return store_progress(tx, job_, holder_, done, total); })) lost_ = true;
  }

  bool stopping() const override {
    if (!closing_ && !lost_) return false;
    told_ = true;
    return true;
  }

  void lose() { lost_ = true; }
  bool was_told_to_stop() const { return told_; }

 private:
  db::pool& pool_;
  uuid job_;
  std::string holder_;
  const std::atomic<bool>& closing_;
  std::atomic<bool> lost_ = false;  // cancelled, or somebody else has the lease
  mutable std::atomic<bool> told_ = false;
  steady::time_point written_{};
};

}  // namespace

struct workers::state {
  state(db::pool& p, db::notifier& n, unsigned count, std::string process)
      : pool(p), bell(n), threads(count), holder(std::move(process)) {}

  bool run_one() {
    std::vector<std::string> kinds;
    for (const auto& [kind, fn] : handlers) kinds.push_back(kind);
    claimed got = pool.write_now([&](db::tx& tx) { return claim(tx, kinds, holder); });
    if (!got.work) {
      if (got.gave_up) return true;
      std::lock_guard guard(mutex);
      next_run = got.next;
      return false;
    }
    reporting live(pool, got.work->id, holder, closing);
    {
      std::lock_guard guard(mutex);
      running.push_back({got.work->id, &live});
      keep_beating();
    }
    outcome end = run(*got.work, live);
    {
      std::lock_guard guard(mutex);
      std::erase_if(running, [&](const held& h) { return h.job == got.work->id; });
    }
    pool.write_now([&](db::tx& tx) { settle(tx, *got.work, holder, end); });
    metrics::make_counter("carrel_jobs_total", kind_help, {{"kind", got.work->kind}, {"outcome", name_of(end.how)}}).add();
    return true;
  }

  outcome run(const job& j, reporting& live) {
    try {
      handlers.at(j.kind)(j, live);
      return {live.was_told_to_stop() ? outcome::released : outcome::done, "", {}};
    } catch (const give_up& x) {
      return {outcome::failed, x.what(), {}};
    } catch (const not_now& x) {
      return {outcome::later, x.what(), x.after};
    } catch (const std::exception& x) {
      log::warn("jobs.failed", {{"kind", j.kind}, {"job", j.id}, {"error", x.what()}});
      return {outcome::again, x.what(), {}};
    }
  }

  // Under the mutex.
  void keep_beating() {
    if (!heartbeat.joinable()) heartbeat = std::thread([this] { keep_leases(); });
  }

  void count_jobs() {
    try {
      counts.refresh(pool);
    } catch (const db::failure& f) {
      log::debug("jobs.tally", {{"error", f.what()}});
    }
  }

  // Leases are a minute; a third of that leaves room for two misses.
  void keep_leases() {
    std::unique_lock guard(mutex);
    while (!quitting) {
      guard.unlock();
      count_jobs();
      guard.lock();
      beat.wait_for(guard, std::chrono::seconds(20), [&] { return quitting; });
      if (running.empty() || quitting) continue;
      std::vector<uuid> ids;
      for (const held& h : running) ids.push_back(h.job);
      guard.unlock();
      std::optional<std::vector<uuid>> kept;
      try {
        kept = pool.write_now([&](db::tx& tx) { return extend_leases(tx, ids, holder); });
      } catch (const db::failure& f) {
        log::warn("jobs.lease", {{"error", f.what()}});
      }
      guard.lock();
      for (const held& h : running) {
        bool asked = std::find(ids.begin(), ids.end(), h.job) != ids.end();
        if (kept && asked && std::find(kept->begin(), kept->end(), h.job) == kept->end()) h.live->lose();
      }
    }
  }

  void work() {
    while (!closing) {
      std::uint64_t heard = rings;
      try {
        if (run_one()) continue;
      } catch (const std::exception& x) {
        log::warn("jobs.claim", {{"error", x.what()}});
        std::unique_lock guard(mutex);
        wake.wait_for(guard, std::chrono::seconds(1), [&] { return closing.load(); });
        continue;
      }
      std::unique_lock guard(mutex);
      std::chrono::milliseconds pause = std::chrono::seconds(30);
      if (next_run)
        pause = std::clamp(std::chrono::ceil<std::chrono::milliseconds>(*next_run - now()), std::chrono::milliseconds(10), pause);
      wake.wait_for(guard, pause, [&] { return closing || rings != heard; });
    }
  }

  void ring() {
    {
      std::lock_guard guard(mutex);
      ++rings;
    }
    wake.notify_all();
  }

  struct held {
    uuid job;
    reporting* live;
  };

  db::pool& pool;
  db::notifier& bell;
  unsigned threads;
  std::string holder;
  std::map<std::string, handler> handlers;
  std::mutex mutex;
  std::condition_variable wake, beat;
  std::atomic<bool> closing = false;
  std::atomic<std::uint64_t> rings = 0;
  bool quitting = false;
  std::optional<instant> next_run;
  std::vector<held> running;
  std::vector<std::thread> team;
  std::thread heartbeat;
  tally counts;  // of the heartbeat
  std::optional<unsigned> listening;
};

workers::workers(db::pool& pool, db::notifier& bell, unsigned threads, std::string process_name)
    : state_(std::make_unique<state>(pool, bell, threads, std::move(process_name) + "/" + uuid::make().text())) {}

workers::~workers() { stop(); }

void workers::on(const std::string& kind, handler fn) {
  CARREL_EXPECT(state_->team.empty());
  state_->handlers[kind] = std::move(fn);
}

void workers::start() {
  CARREL_EXPECT(state_->team.empty());
  state_->listening = state_->bell.listen("carrel_jobs", [this](const std::string&) { state_->ring(); });
  {
    std::lock_guard guard(state_->mutex);
    state_->keep_beating();
  }
  for (unsigned i = 0; i < state_->threads; ++i) state_->team.emplace_back([this] { state_->work(); });
}

void workers::stop() {
  {
    std::lock_guard guard(state_->mutex);
    state_->closing = true;
  }
  state_->wake.notify_all();
  if (state_->listening) state_->bell.forget(*state_->listening);
  state_->listening.reset();
  for (std::thread& t : state_->team) t.join();
  state_->team.clear();
  {
    std::lock_guard guard(state_->mutex);
    state_->quitting = true;
  }
  state_->beat.notify_all();
  if (state_->heartbeat.joinable()) state_->heartbeat.join();
}

bool workers::run_one() { return state_->run_one(); }

}  // namespace carrel::jobs
