#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <iterator>
#include <map>
#include <mutex>
#include <string>

#include "server/core/clock.hpp"

namespace carrel::opds {

// Which devices fetch files part by part, and have all of one (opds.md 13.2). They are kept for a day, and here alone: a device
// whose parts were forgotten is offered the book again.
class fetched_parts {
 public:
  struct part {
    std::int64_t first = 0, count = 0, size = 0;  // of a file of that size
    bool arrived = false;                         // to its last byte; otherwise nobody knows how far it came
  };

  explicit fetched_parts(std::size_t most) : most_(most) {}

  // True when the device has all of the file with this part. `what` names the device and the content.
  bool note(const std::string& what, const part& p, instant at) {
    bool ends = p.arrived && p.first + p.count == p.size;
    if (ends && p.first == 0) return true;
    std::scoped_lock lock(mutex_);
    forget_old(at);
    begun& b = all_[what];
    b.at = at;
    if (p.arrived)
      add(b, p.first, p.first + p.count);
    else
      b.cut_off = b.cut_off || p.first <= covered(b);
    bool whole = covered(b) >= p.size || (ends && b.cut_off);
    if (whole) all_.erase(what);
    return whole;
  }

 private:
  struct begun {
    instant at{};
    bool cut_off = false;                          // all from the start came until it broke off; it is taken up there
    std::map<std::int64_t, std::int64_t> parts{};  // first -> end; apart from one another
  };
  static constexpr std::size_t most_parts = 1000;

  // How far the bytes go from the first one on without a gap.
  static std::int64_t covered(const begun& b) {
    return b.parts.empty() || b.parts.begin()->first > 0 ? 0 : b.parts.begin()->second;
  }

  static void add(begun& b, std::int64_t first, std::int64_t end) {
    auto at = b.parts.upper_bound(first);
    if (at != b.parts.begin() && std::prev(at)->second >= first) --at;
    while (at != b.parts.end() && at->first <= end) {
      first = std::min(first, at->first);
      end = std::max(end, at->second);
      at = b.parts.erase(at);
    }
    if (b.parts.size() < most_parts) b.parts[first] = end;
  }

  void forget_old(instant at) {
    std::erase_if(all_, [&](const auto& e) { return at - e.second.at > std::chrono::hours{24}; });
    if (all_.size() < most_) return;
    auto oldest =
        std::min_element(all_.begin(), all_.end(), [](const auto& a, const auto& b) { return a.second.at < b.second.at; });
    all_.erase(oldest);
  }

  const std::size_t most_;
  std::mutex mutex_;
  std::map<std::string, begun> all_;
};

}  // namespace carrel::opds
