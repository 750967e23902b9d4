#include "server/auth/verified.hpp"

#include "server/core/digest.hpp"

namespace carrel::auth {
namespace {

constexpr std::size_t most_remembered = 4096;
constexpr std::chrono::minutes life{5};

std::string key_of(const std::string& stored_hash, std::string_view shown) {
  return sha256_raw(stored_hash + '\n' + sha256_raw(shown));
}

}  // namespace

bool verified_passwords::holds(const std::string& stored_hash, std::string_view shown) const {
  std::string key = key_of(stored_hash, shown);
  instant at = now();
  std::lock_guard lock(mutex_);
  auto found = known_.find(key);
  return found != known_.end() && found->second.from <= at && at < found->second.until;
}

void verified_passwords::remember(const std::string& stored_hash, std::string_view shown) {
  std::string key = key_of(stored_hash, shown);
  instant at = now();
  std::lock_guard lock(mutex_);
  auto [place, fresh] = known_.insert_or_assign(key, span{at, at + life});
  if (!fresh) return;
  oldest_first_.push_back(std::move(key));
  if (oldest_first_.size() <= most_remembered) return;
  known_.erase(oldest_first_.front());
  oldest_first_.pop_front();
}

}  // namespace carrel::auth
