#pragma once
// Documents and parts of documents that this process keeps. Keys name everything a value was made from, so nothing here can be
// stale (architecture.md 11). Bounded; what was asked for longest ago goes first.

#include <cstddef>
#include <list>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>

namespace carrel::opds {

template <class T>
class recent_cache {
 public:
  explicit recent_cache(std::size_t most_bytes) : most_(most_bytes) {}

  std::shared_ptr<const T> find(std::string_view key) {
    std::scoped_lock lock(mutex_);
    auto found = by_key_.find(key);
    if (found == by_key_.end()) return nullptr;
    items_.splice(items_.begin(), items_, found->second);
    return found->second->value;
  }

  // `bytes`: what the value holds. One that would push out much else is not kept.
  void keep(std::string key, std::shared_ptr<const T> value, std::size_t bytes) {
    item made{std::move(key), std::move(value), bytes + overhead};
    made.bytes += made.key.size();
    if (made.bytes > most_ / 8) return;
    std::scoped_lock lock(mutex_);
    if (by_key_.contains(made.key)) return;
    held_ += made.bytes;
    items_.push_front(std::move(made));
    by_key_.emplace(items_.front().key, items_.begin());
    while (held_ > most_) {
      held_ -= items_.back().bytes;
      by_key_.erase(items_.back().key);
      items_.pop_back();
    }
  }

 private:
  static constexpr std::size_t overhead = 256;  // of the two containers, about
  struct item {
    std::string key;
    std::shared_ptr<const T> value;
    std::size_t bytes;
  };

  const std::size_t most_;
  std::mutex mutex_;
  std::size_t held_ = 0;
  std::list<item> items_;                                                            // last used first
  std::unordered_map<std::string_view, typename std::list<item>::iterator> by_key_;  // views into items_
};

}  // namespace carrel::opds
