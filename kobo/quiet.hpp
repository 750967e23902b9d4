#pragma once
// The sync of a device that has all that there is: most syncs are that, so it costs one turn at the database in which the secret
// is confirmed as well. Nothing is promised by it, and nothing is waited for: it is not written to disk before the answer.

#include <optional>
#include <string>

#include "kobo/sessions.hpp"
#include "kobo/sync_token.hpp"
#include "library/device.hpp"

namespace carrel::kobo {

struct quiet_question {
  std::string secret;  // its hash
  reader_facts reader;
  std::string token;         // of the sync, as shown
  sync_token at;             // what it says: that the device has heard everything
  bool passthrough = false;  // as kobo.passthrough says; a device that asks the real store has more to hear than we know
};

// Whose device it is when nothing is new for it: the same token and an empty list are the answer then, and its visit has been
// noted. Nothing when the secret does not open the storefront, or there may be more to do or to say; run_sync finds out.
std::optional<library::secret_owner> quiet_sync(db::tx&, const quiet_question&, const std::string& key);

}  // namespace carrel::kobo
