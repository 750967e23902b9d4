#pragma once
// Wrong passwords cost time. Sign-ins of people are counted in the database, because any process may get the next try; devices
// are only answered more slowly, and only when they are wrong (kosync.md 5.5, opds.md 4.6).

#include <chrono>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "server/core/clock.hpp"
#include "server/core/task.hpp"
#include "server/db/tx.hpp"

namespace carrel::auth {

struct throttle_rate {
  int failures = 5;
  std::chrono::seconds window{60};
};
throttle_rate parse_rate(const std::string&);  // "5/1m", "5/m"

// "192.0.2.0/24", "2001:db8:1:2::/64"; what is no address stays as it is.
std::string network_of(const std::string& address);

// What a try is counted under, in the order in which rows are locked.
std::vector<std::string> throttle_subjects(const std::string& name_key, const std::string& address);

// Counts a try before it is checked, so that tries at the same moment cannot pass together. The seconds to wait when there
// were too many; then nothing may be checked.
std::optional<std::chrono::seconds> count_try(db::tx&, const std::vector<std::string>& subjects, const throttle_rate&);
// It was the right password: the account starts afresh, the network gets its try back.
void forgive_try(db::tx&, const std::vector<std::string>& subjects);

// Failures of devices by address and name, in this process.
class slow_failures {
 public:
  void count(const std::string& address, const std::string& name_key);
  std::chrono::milliseconds delay(const std::string& address, const std::string& name_key) const;

 private:
  struct tally {
    instant since;
    int failures = 0;
  };
  mutable std::mutex mutex_;
  std::map<std::pair<std::string, std::string>, tally> tallies_;
};

task<> wait(std::chrono::milliseconds);

}  // namespace carrel::auth
