#pragma once
// Bodies of this process, keyed by validator and address, so nothing here can be stale (architecture.md 11). Bounded; what was
// asked for longest ago goes first.

#include <cstddef>
#include <list>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>

namespace carrel::opds {

class feed_cache {
 public:
  explicit feed_cache(std::size_t most_bytes) : most_(most_bytes) {}

  std::shared_ptr<const std::string> find(const std::string& key);
  void keep(const std::string& key, std::shared_ptr<const std::string> body);

 private:
  struct item {
    std::string key;
    std::shared_ptr<const std::string> body;
  };
  static std::size_t size_of(const item& i) { return i.key.size() + i.body->size() + 256; }

  const std::size_t most_;
  std::mutex mutex_;
  std::size_t held_ = 0;
  std::list<item> items_;                                                   // last used first
  std::unordered_map<std::string_view, std::list<item>::iterator> by_key_;  // views into items_
};

}  // namespace carrel::opds
