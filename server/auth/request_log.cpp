#include "server/auth/request_log.hpp"

#include <chrono>
#include <utility>

#include "server/core/log.hpp"
#include "server/core/thread.hpp"

namespace carrel::auth {
namespace {

constexpr std::size_t most_of_a_device = 20;
constexpr std::chrono::milliseconds pause{500};

}  // namespace

request_log::request_log(db::pool& pool) : pool_(pool), thread_(quiet_thread([this] { work(); })) {}

request_log::~request_log() { stop(); }

void request_log::note(const uuid& device, library::device_request r) {
  std::lock_guard lock(mutex_);
  if (stopping_) return;
  if (waiting_.empty()) changed_.notify_one();
  auto& of_device = waiting_[device];
  of_device.push_back(std::move(r));
  if (of_device.size() > most_of_a_device) of_device.pop_front();
}

void request_log::stop() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
    changed_.notify_one();
  }
  if (thread_.joinable()) thread_.join();
}

void request_log::work() {
  std::unique_lock lock(mutex_);
  while (!stopping_ || !waiting_.empty()) {
    changed_.wait(lock, [this] { return stopping_ || !waiting_.empty(); });
    library::device_notes taken = std::exchange(waiting_, {});
    if (!taken.empty()) {
      lock.unlock();
      write(taken);
      lock.lock();
    }
    changed_.wait_for(lock, pause, [this] { return stopping_; });
  }
}

void request_log::write(const library::device_notes& taken) {
  try {
    pool_.write_now([&](db::tx& tx) { library::note_requests(tx, taken); });
  } catch (const std::exception& e) {
    log::debug("device.notes_lost", {{"reason", e.what()}});
  }
}

}  // namespace carrel::auth
