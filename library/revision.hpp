#pragma once

#include <cstdint>
#include <optional>

#include "server/core/clock.hpp"
#include "server/db/tx.hpp"

namespace carrel::library {

// The catalog's revision grows with every change that a reader of the catalog could notice, in the transaction of the change.
struct revision {
  std::int64_t number = 0;
  instant changed_at{};
};

// What a client's request needs to know before anything else: whether anything that this account sees has changed.
struct gate {
  revision catalog;
  std::int64_t audience = 0, state = 0;  // of the account
  instant state_at{};                    // when it last grew
  std::string language{};                // of the account; "" not chosen
  std::optional<bool> passthrough{};     // of the Kobo that asks, as its owner has chosen (kobo_options.hpp)
};

revision current_revision(db::tx&);
void bump_revision(db::tx&);  // last in its transaction: it locks one row until the commit

}  // namespace carrel::library
