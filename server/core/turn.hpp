#pragma once

#include <condition_variable>
#include <mutex>
#include <set>
#include <string>

namespace carrel {

// One at a time does the work of a key in this process; who comes second waits, and finds it done.
class turn {
 public:
  explicit turn(std::string key) : key_(std::move(key)) {
    std::unique_lock guard(mutex);
    changed.wait(guard, [&] { return !busy.contains(key_); });
    busy.insert(key_);
  }
  ~turn() {
    std::lock_guard guard(mutex);
    busy.erase(key_);
    changed.notify_all();
  }
  turn(const turn&) = delete;
  turn& operator=(const turn&) = delete;

 private:
  static inline std::mutex mutex;
  static inline std::condition_variable changed;
  static inline std::set<std::string> busy;
  std::string key_;
};

}  // namespace carrel
