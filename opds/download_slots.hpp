#pragma once

#include <map>
#include <memory>
#include <mutex>

#include "server/core/uuid.hpp"

namespace carrel::opds {

// How many downloads a device may have under way at once (opds.md 3.11). They are connections of this process, so they are
// counted here and nowhere else.
class download_slots {
 public:
  explicit download_slots(int most) : counts_(std::make_shared<counts>()), most_(most) {}

  // Held until the last copy is gone; null when the device has all it may have.
  std::shared_ptr<const void> take(const uuid& device) {
    std::scoped_lock lock(counts_->mutex);
    int& used = counts_->used[device];
    if (used >= most_) return nullptr;
    ++used;
    return std::make_shared<const slot>(counts_, device);
  }

 private:
  struct counts {
    std::mutex mutex;
    std::map<uuid, int> used;
  };
  struct slot {
    slot(std::shared_ptr<counts> of, const uuid& d) : all(std::move(of)), device(d) {}
    slot(const slot&) = delete;
    slot& operator=(const slot&) = delete;
    ~slot() {
      std::scoped_lock lock(all->mutex);
      auto mine = all->used.find(device);
      if (--mine->second == 0) all->used.erase(mine);
    }
    std::shared_ptr<counts> all;
    uuid device;
  };

  std::shared_ptr<counts> counts_;
  const int most_;
};

}  // namespace carrel::opds
