#pragma once
// Slow password checks that succeeded are remembered for some minutes, so that an e-reader does not pay for one on every
// request (opds.md 4.1). The key holds the stored hash: a changed password ends the memory.

#include <deque>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>

#include "server/core/clock.hpp"

namespace carrel::auth {

class verified_passwords {
 public:
  bool holds(const std::string& stored_hash, std::string_view shown) const;
  void remember(const std::string& stored_hash, std::string_view shown);

 private:
  struct span {
    instant from, until;
  };
  mutable std::mutex mutex_;
  std::unordered_map<std::string, span> known_;
  std::deque<std::string> oldest_first_;
};

}  // namespace carrel::auth
