#pragma once
// What never changes once it is there (who this installation is, its keys): read by the first coroutine that asks, kept for all.

#include <memory>
#include <mutex>

#include "server/db/pool.hpp"

namespace carrel::db {

template <class T>
class once {
 public:
  using reader = T (*)(tx&);  // may make what it reads, so it runs in a transaction that writes

  once(pool& p, reader read) : pool_(p), read_(read) {}

  task<std::shared_ptr<const T>> get() {
    {
      std::scoped_lock lock(mutex_);
      if (kept_) co_return kept_;
    }
    T read = co_await pool_.write(read_);
    auto made = std::make_shared<const T>(std::move(read));
    std::scoped_lock lock(mutex_);
    kept_ = made;
    co_return made;
  }

 private:
  pool& pool_;
  const reader read_;
  std::mutex mutex_;
  std::shared_ptr<const T> kept_;
};

}  // namespace carrel::db
