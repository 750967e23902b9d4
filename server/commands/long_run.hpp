#pragma once
// What commands that take their time have in common: they show how far they are, and end when they are asked to.

#include <atomic>
#include <chrono>
#include <cstdint>
#include <stop_token>
#include <string>
#include <thread>

namespace carrel::commands {

// One line that is written over while it grows; only on a terminal.
class progress_bar {
 public:
  explicit progress_bar(std::string things);  // what is counted
  ~progress_bar();
  progress_bar(const progress_bar&) = delete;
  progress_bar& operator=(const progress_bar&) = delete;
  void show(std::int64_t done_now, std::int64_t found);

 private:
  std::string things_;
  bool terminal_, shown_ = false;
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now(), last_{};
};

// The first SIGINT or SIGTERM asks the run to end, the second ends the program.
class patience {
 public:
  // Before any thread exists: a thread that has them open would be ended by them.
  static void block();

  patience();
  ~patience();
  patience(const patience&) = delete;
  patience& operator=(const patience&) = delete;
  std::stop_token asked() const { return source_.get_token(); }

 private:
  void wait();

  std::stop_source source_;
  std::atomic<bool> over_ = false;
  std::thread waiter_;
};

}  // namespace carrel::commands
