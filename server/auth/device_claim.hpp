#pragma once
// A secret that a KOSync request shows. KOSync confirms it in the same turn at the database as the work it is for: half the
// trips of signing in first, and a revoked secret is still refused at once by every process.

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "library/device.hpp"
#include "server/db/tx.hpp"
#include "server/http/message.hpp"

namespace carrel::auth {

struct device_claim {
  std::string name;  // "" = the secret alone tells
  library::shown_secret secret;
  std::string md5;  // what a registered account's hash is of
};

// In the order in which they are to be tried (kosync.md 5.3).
std::vector<device_claim> kosync_claims(const http::request&);

// A secret without a name is enough: the secret alone tells the device.
bool name_fits(const library::secret_owner&, const std::string& shown_name);

// One answer for each, in order, by one statement: the device, when the secret is its, fits the name and may be used for this.
std::vector<std::optional<library::secret_owner>> confirm(db::tx&, const std::vector<const device_claim*>&,
                                                          std::string_view scope);

}  // namespace carrel::auth
