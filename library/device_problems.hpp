#pragma once
// What the list of devices says besides their names (product.md 4.7): what needs its owner.

#include <map>

#include "server/core/uuid.hpp"
#include "server/db/tx.hpp"

namespace carrel::library {

struct device_problems {
  std::int64_t doubtful = 0;  // books of a Kobo that may be missing on it
  bool guarded = false;       // many books would go from it at once (kobo.md 17.2)
  std::int64_t failed = 0;    // requests since the last one that went well
};
// Of an account's devices those that have any.
std::map<uuid, device_problems> problems_of_devices(db::tx&, const uuid& user);

}  // namespace carrel::library
