#include "opds/feed_cache.hpp"

namespace carrel::opds {

std::shared_ptr<const std::string> feed_cache::find(const std::string& key) {
  std::scoped_lock lock(mutex_);
  auto found = by_key_.find(key);
  if (found == by_key_.end()) return nullptr;
  items_.splice(items_.begin(), items_, found->second);
  return found->second->body;
}

void feed_cache::keep(const std::string& key, std::shared_ptr<const std::string> body) {
  item made{key, std::move(body)};
  if (size_of(made) > most_ / 8) return;
  std::scoped_lock lock(mutex_);
  if (by_key_.contains(key)) return;
  held_ += size_of(made);
  items_.push_front(std::move(made));
  by_key_.emplace(items_.front().key, items_.begin());
  while (held_ > most_) {
    held_ -= size_of(items_.back());
    by_key_.erase(items_.back().key);
    items_.pop_back();
  }
}

}  // namespace carrel::opds
