#pragma once
// The last requests of each device, so that "Unknown server error" on an e-reader can be explained (kosync.md 13,
// product.md 4.7).

#include <condition_variable>
#include <mutex>
#include <thread>

#include "library/device.hpp"
#include "server/db/pool.hpp"

namespace carrel::auth {

// Collects in memory and writes at most twice a second, away from the answers. Of a device that asks faster only the newest
// stay; what the database does not take is dropped.
class request_log {
 public:
  explicit request_log(db::pool&);
  ~request_log();

  void note(const uuid& device, library::device_request);
  void stop();  // writes what is left

 private:
  void work();
  void write(const library::device_notes&);

  db::pool& pool_;
  std::mutex mutex_;
  std::condition_variable changed_;
  library::device_notes waiting_;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace carrel::auth
