#include "server/db/line.hpp"

#include <algorithm>

#include "server/core/log.hpp"
#include "server/core/random.hpp"
#include "server/core/thread.hpp"

namespace carrel::db {
namespace {

using namespace std::chrono_literals;

constexpr int retries = 3;
constexpr auto cancel_again = 200ms;  // a cancel between two statements hits nothing
constexpr auto longest_away = 1000ms;

thread_local const void* serving = nullptr;

template <class Failure>
std::exception_ptr failed(const char* what, const char* state) {
  return std::make_exception_ptr(Failure(what, state));
}

bool worth_repeating(const failure& f) { return f.sqlstate == "40001" || f.sqlstate == "40P01" || is_stale_plan(f); }

// The one that was let through needs a moment: a victim of a deadlock that is back at once may take its lock again.
std::chrono::milliseconds pause_before(int round) {
  unsigned char r = 0;
  random_bytes(&r, 1);
  return std::chrono::milliseconds(2 + r % (8 << round));
}

}  // namespace

void worker::replace_connection() {
  drop_connection();
  auto fresh = std::make_unique<connection>(session_);
  std::lock_guard lock(guard_);
  link_ = std::move(fresh);
}

void worker::drop_connection() {
  std::lock_guard lock(guard_);
  link_.reset();
}

void worker::begin(job* j) {
  std::lock_guard lock(guard_);
  current_ = j;
  cancel_sent_ = false;
}

bool worker::end() {
  std::lock_guard lock(guard_);
  current_ = nullptr;
  return cancel_sent_;
}

void worker::cancel(job* j) {
  std::lock_guard lock(guard_);
  if (current_ != j || !link_) return;
  cancel_sent_ = true;
  link_->cancel();
}

work_line::work_line(pool_options o)
    : options_(std::move(o)),
      session_{options_.url, options_.application, options_.statement_timeout},
      waiting_gauge_(metrics::make_gauge("carrel_db_waiting", "Work that waits for a database connection",
                                         {{"pool", options_.application}})),
      refused_(metrics::make_counter("carrel_db_refused_total", "Work refused because the line was full",
                                     {{"pool", options_.application}})),
      retried_(metrics::make_counter("carrel_db_retries_total", "Transactions repeated after a conflict",
                                     {{"pool", options_.application}})) {}

void work_line::start() {
  for (unsigned i = 0; i < std::max(1U, options_.connections); ++i) {
    worker& w = *workers_.emplace_back(std::make_unique<worker>(session_));
    threads_.push_back(quiet_thread([this, &w] { serve(w); }));
  }
  watchdog_ = quiet_thread([this] { watch(); });
}

void work_line::stop() {
  std::list<std::shared_ptr<job>> refused;
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
    refused.swap(line_);
    for (auto& j : refused) {
      j->where = job::place::gone;
      if (j->alarm) alarms_.erase(*j->alarm);
      waiting_gauge_.add(-1);
    }
    for (auto& w : workers_) w->wake.notify_one();
  }
  for (auto& j : refused) j->done(failed<lost>("the database pool has been closed", ""));
  for (std::thread& t : threads_) t.join();
  {
    std::lock_guard lock(mutex_);
    watching_ = false;
    alarm_changed_.notify_all();
  }
  watchdog_.join();
}

std::shared_ptr<job> work_line::add(mode m, std::optional<clock::time_point> deadline, std::function<void(tx&)> work,
                                    std::function<void(std::exception_ptr)> done, bool limited) {
  auto j = std::make_shared<job>();
  j->how = m;
  j->limited = limited;
  j->work = std::move(work);
  j->done = std::move(done);
  std::exception_ptr refusal;
  {
    std::lock_guard lock(mutex_);
    if (stopping_) {
      refusal = failed<lost>("the database pool has been closed", "");
    } else if (line_.size() >= options_.queue) {
      refusal = failed<busy>("too much work waits for the database", "");
    } else {
      j->spot = line_.insert(line_.end(), j);
      waiting_gauge_.add(1);
      if (deadline) {
        j->alarm = alarms_.emplace(*deadline, j);
        if (*deadline < watch_until_) alarm_changed_.notify_one();
      }
      call_idle();
    }
  }
  if (!refusal) return j;
  refused_.add();
  j->done(std::move(refusal));
  return nullptr;
}

// Under the mutex.
void work_line::call_idle() {
  if (idle_.empty()) return;
  worker& w = *idle_.back();
  idle_.pop_back();
  w.called = true;
  w.wake.notify_one();
}

// Under the mutex: a waiting job leaves the line.
void work_line::take_out(const std::shared_ptr<job>& j) {
  line_.erase(j->spot);
  waiting_gauge_.add(-1);
  if (j->alarm) alarms_.erase(*j->alarm);
  j->alarm.reset();
  j->where = job::place::gone;
}

void work_line::cancel(const std::shared_ptr<job>& j) {
  {
    std::lock_guard lock(mutex_);
    if (j->where == job::place::gone) return;
    if (j->where == job::place::running) {  // left to the watchdog: a cancel takes a round trip
      j->stop = true;
      if (j->alarm) alarms_.erase(*j->alarm);
      j->alarm = alarms_.emplace(clock::now(), j);
      alarm_changed_.notify_one();
      return;
    }
    take_out(j);
  }
  j->done(failed<cancelled>("nobody waits for it any more", "57014"));
}

std::size_t work_line::waiting() const {
  std::lock_guard lock(mutex_);
  return line_.size();
}

bool work_line::on_own_thread() const { return serving == this; }

std::shared_ptr<job> work_line::next(worker& w, bool& idled) {
  std::unique_lock lock(mutex_);
  idled = line_.empty();
  while (line_.empty() && !stopping_) {  // another may have been quicker than the one that was called
    w.called = false;
    idle_.push_back(&w);
    w.wake.wait(lock, [&] { return stopping_ || w.called; });
  }
  if (line_.empty()) return nullptr;
  std::shared_ptr<job> j = std::move(line_.front());
  line_.pop_front();
  waiting_gauge_.add(-1);
  j->where = job::place::running;
  return j;
}

void work_line::serve(worker& w) {
  serving = this;
  bool idled = true;
  while (std::shared_ptr<job> j = next(w, idled)) {
    {
      std::lock_guard lock(mutex_);
      j->by = &w;
    }
    std::exception_ptr error;
    try {
      run(w, *j, idled);
    } catch (...) {
      error = std::current_exception();
    }
    finished(j);
    j->work = nullptr;  // what it owns goes before its waiter continues
    j->done(std::move(error));
  }
  w.drop_connection();
}

void work_line::finished(const std::shared_ptr<job>& j) {
  std::lock_guard lock(mutex_);
  j->where = job::place::gone;
  j->by = nullptr;
  if (j->alarm) alarms_.erase(*j->alarm);
  j->alarm.reset();
}

void work_line::connect(worker& w) {
  {
    std::lock_guard lock(mutex_);
    if (clock::now() < away_until_) throw lost(away_reason_, "");
  }
  try {
    w.replace_connection();
  } catch (const lost& e) {
    std::lock_guard lock(mutex_);
    if (away_delay_ == 0ms) log::warn("db.away", {{"reason", e.what()}});
    away_delay_ = std::clamp<std::chrono::milliseconds>(away_delay_ * 2, 20ms, longest_away);
    away_until_ = clock::now() + away_delay_;
    away_reason_ = e.what();
    throw;
  }
  std::lock_guard lock(mutex_);
  if (away_delay_ != 0ms) log::info("db.back", {{"pool", options_.application}});
  away_delay_ = 0ms;
  away_until_ = {};
}

void work_line::run(worker& w, job& j, bool idled) {
  for (int round = 0;; ++round) {
    if (w.link() != nullptr && (w.link()->broken() || (idled && round == 0 && !w.link()->still_there()))) w.drop_connection();
    if (w.link() == nullptr) connect(w);
    try {
      attempt(w, j);
      return;
    } catch (const failure& f) {
      // Autocommit has no rollback: only a first statement that never ran may be repeated.
      bool repeatable = j.how != mode::read || (is_stale_plan(f) && w.link() != nullptr && w.link()->statements() == 1);
      if (!repeatable || !worth_repeating(f) || round == retries || j.stop) throw;
      if (is_stale_plan(f)) w.drop_connection();
    }
    retried_.add();
    std::this_thread::sleep_for(pause_before(round));
  }
}

void work_line::attempt(worker& w, job& j) {
  connection& c = *w.link();
  w.begin(&j);
  std::exception_ptr error;
  bool was_cancelled = false;
  try {
    c.begin(j.how, &j.stop, j.limited);
    tx t = c.handle();
    j.work(t);
    c.commit();
  } catch (const cancelled&) {
    was_cancelled = true;
    error = std::current_exception();
  } catch (...) {
    error = std::current_exception();
  }
  bool cancel_sent = w.end();
  if (error) c.rollback();
  // A cancel that came too late for this work must not hit the next one on the same session.
  if (c.broken() || (cancel_sent && !was_cancelled)) w.drop_connection();
  if (error) std::rethrow_exception(error);
}

void work_line::watch() {
  std::unique_lock lock(mutex_);
  while (watching_) {
    // Most work ends long before its time: it is looked at again when the first that was set is over, not with every new one.
    clock::time_point due = alarms_.empty() ? clock::time_point::max() : alarms_.begin()->first;
    if (clock::now() < due) {
      watch_until_ = due;
      if (watch_until_ == clock::time_point::max())
        alarm_changed_.wait(lock);
      else
        alarm_changed_.wait_until(lock, watch_until_);
      watch_until_ = clock::time_point::max();
      continue;
    }
    std::shared_ptr<job> j = alarms_.begin()->second;
    if (j->where == job::place::waiting) {
      take_out(j);
      lock.unlock();
      j->done(failed<cancelled>("the deadline passed before the work began", "57014"));
    } else {
      j->stop = true;
      alarms_.erase(alarms_.begin());
      j->alarm = alarms_.emplace(clock::now() + cancel_again, j);
      worker* by = j->by;
      lock.unlock();
      if (by != nullptr) by->cancel(j.get());
    }
    lock.lock();
  }
}

}  // namespace carrel::db
