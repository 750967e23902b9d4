#pragma once

#include <optional>
#include <string>

#include "ingest/paths.hpp"
#include "library/store.hpp"
#include "server/core/uuid.hpp"

namespace carrel::ingest {

// One worker at a time per item, whatever process it is in: a byte of staging/.lock per item. The system gives the lock back
// when its holder dies, so an interrupted item can be taken up at once.
class item_lock {
 public:
  static std::optional<item_lock> take(const library::store&, const uuid& item, bool wait);
  // The same for anything else that has a name; waits.
  static item_lock hold(const library::store&, const std::string& name);

 private:
  static std::optional<item_lock> lock_byte(const library::store&, std::size_t hash, bool wait);
  explicit item_lock(file f) : file_(std::move(f)) {}
  file file_;
};

}  // namespace carrel::ingest
