#include "server/db/batcher.hpp"

#include <algorithm>

#include "server/core/resume.hpp"

namespace carrel::db {
namespace {

constexpr std::size_t batches_that_may_wait = 32;
constexpr std::size_t worth_a_lane = 16;  // fewer cost nearly as much together as one of them alone

bool worth_splitting(const std::exception_ptr& error) {
  try {
    std::rethrow_exception(error);
  } catch (const lost&) {
    return false;
  } catch (const cancelled&) {
    return false;
  } catch (const busy&) {
    return false;
  } catch (...) {
    return true;
  }
}

}  // namespace

// One of the `parallel` lanes at work: a batch and, after a failure, the parts of it that are still to be tried.
struct batch_core::chain {
  std::size_t whole = 0;  // items it began with
  items current;
  std::deque<items> rest;
};

batch_core::batch_core(pool& p, mode m, const std::string& name, runner run, std::size_t most, unsigned parallel)
    : pool_(p),
      mode_(m),
      run_(std::move(run)),
      most_(std::max<std::size_t>(1, most)),
      parallel_(std::max(1U, parallel)),
      batches_(metrics::make_counter("carrel_batches_total", "Group commits and grouped reads", {{"batch", name}})),
      items_(metrics::make_counter("carrel_batch_items_total", "Items in them", {{"batch", name}})),
      splits_(metrics::make_counter("carrel_batch_splits_total", "Batches split in halves after a failure", {{"batch", name}})) {}

task<> batch_core::add(std::shared_ptr<batch_item> item) {
  auto start = [core = shared_from_this(), item = std::move(item)](std::shared_ptr<waiter> who) {
    item->who = std::move(who);
    core->put(item);
  };
  return suspend(std::move(start));
}

// Requests that arrived together are read one after the other: the first of them waits for the others, or it would go alone.
void batch_core::put(std::shared_ptr<batch_item> item) {
  std::shared_ptr<waiter> who = item->who;
  {
    std::unique_lock lock(mutex_);
    if (waiting_.size() >= most_ * batches_that_may_wait) {
      lock.unlock();
      resume(std::move(item->who), std::make_exception_ptr(busy("too much waits for the next batch", "")));
      return;
    }
    waiting_.push_back(std::move(item));
    ++undelivered_;
    if (gathering_ || !may_start()) return;
    gathering_ = true;
  }
  after_what_is_ready(who, [core = shared_from_this()] { core->end_gathering(); });
}

void batch_core::end_gathering() {
  {
    std::lock_guard lock(mutex_);
    gathering_ = false;
  }
  start_more();
}

// A further lane opens once as many wait as are under way: lanes that took whatever has just come would each go with a few.
bool batch_core::may_start() const {
  if (waiting_.empty() || running_ >= parallel_) return false;
  return running_ == 0 || waiting_.size() >= std::min(std::max(under_way_, worth_a_lane), most_);
}

void batch_core::start_more() {
  while (true) {
    auto c = std::make_shared<chain>();
    {
      std::lock_guard lock(mutex_);
      if (!may_start()) return;
      ++running_;
      std::size_t count = std::min(most_, waiting_.size());
      auto end = waiting_.begin() + static_cast<std::ptrdiff_t>(count);
      c->current.assign(std::make_move_iterator(waiting_.begin()), std::make_move_iterator(end));
      waiting_.erase(waiting_.begin(), end);
      c->whole = count;
      under_way_ += count;
    }
    launch(c);
  }
}

void batch_core::launch(const std::shared_ptr<chain>& c) {
  batches_.add();
  auto core = shared_from_this();
  pool_.enqueue(
      mode_, std::nullopt, [core, c](tx& t) { core->run_(t, c->current); },
      [core, c](const std::exception_ptr& error) { core->finished(c, error); });
}

void batch_core::finished(const std::shared_ptr<chain>& c, const std::exception_ptr& error) {
  items done = std::move(c->current);
  if (error && done.size() > 1 && worth_splitting(error)) {
    splits_.add();
    auto middle = done.begin() + static_cast<std::ptrdiff_t>(done.size() / 2);
    c->rest.emplace_front(middle, done.end());
    c->rest.emplace_front(done.begin(), middle);
    done.clear();
  }
  if (!c->rest.empty()) {
    c->current = std::move(c->rest.front());
    c->rest.pop_front();
    launch(c);
  } else {
    {
      std::lock_guard lock(mutex_);
      --running_;
      under_way_ -= c->whole;
    }
    start_more();
  }
  deliver(done, error);
}

void batch_core::deliver(const items& done, const std::exception_ptr& error) {
  if (done.empty()) return;
  std::vector<std::pair<std::shared_ptr<waiter>, std::exception_ptr>> waiters;
  waiters.reserve(done.size());
  for (const auto& item : done) waiters.emplace_back(std::move(item->who), error);
  resume_all(std::move(waiters));
  items_.add(static_cast<double>(done.size()));
  std::lock_guard lock(mutex_);
  undelivered_ -= done.size();
  if (undelivered_ == 0) idle_.notify_all();
}

void batch_core::flush() {
  end_gathering();  // a loop that has ended does it no more
  std::unique_lock lock(mutex_);
  idle_.wait(lock, [&] { return undelivered_ == 0; });
}

std::size_t batch_core::waiting() const {
  std::lock_guard lock(mutex_);
  return waiting_.size();
}

}  // namespace carrel::db
