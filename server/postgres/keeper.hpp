#pragma once
// The thread that starts the server and waits for its end. Internal to server/postgres.

#include <sys/types.h>

#include <chrono>
#include <condition_variable>
#include <filesystem>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "server/core/error.hpp"

namespace carrel::postgres {

// A parent-death signal fires when the thread that forked ends, so this thread lives as long as the child, whoever asks
// for a start. The signal is SIGINT, PostgreSQL's fast shutdown: after a kill -9 of Carrel the server ends on its own, with
// a checkpoint, and the next start waits for that or cures what is left (stale.hpp).
class keeper {
 public:
  keeper();
  ~keeper();  // the child must have ended
  keeper(const keeper&) = delete;
  keeper& operator=(const keeper&) = delete;

  std::optional<error> start(std::vector<std::string> argv, std::filesystem::path folder, std::filesystem::path log);
  pid_t pid() const;  // 0 when there is none
  void signal(int);
  bool wait(std::chrono::milliseconds);  // true when there is no child (any more)

 private:
  struct request {
    std::vector<std::string> argv;
    std::filesystem::path folder;
    std::filesystem::path log;
    bool done = false;
    std::optional<error> failure;
  };

  void run();
  void serve(std::unique_lock<std::mutex>&);

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  request* wanted_ = nullptr;
  pid_t pid_ = 0;
  bool ending_ = false;
  std::thread thread_;
};

}  // namespace carrel::postgres
