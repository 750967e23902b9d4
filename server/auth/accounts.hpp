#pragma once
// Accounts as the checks of passwords need them.

#include <optional>
#include <string>
#include <vector>

#include "library/device.hpp"
#include "server/core/uuid.hpp"
#include "server/db/tx.hpp"

namespace carrel::auth {

struct sign_in_account {
  uuid id;
  std::string name, role;
  std::optional<std::string> password_hash;
  bool disabled = false;
};
std::optional<sign_in_account> find_sign_in(db::tx&, const std::string& name_key);

// A KOSync password that a person chose (kosync.md 4.1).
struct registered_account {
  uuid credential, user;
  std::string user_name, role, password_hash;
  bool disabled = false;
};

struct shown_credential {
  library::shown_secret secret;
  std::string name_key;  // also look for a registered account of this name; "" = do not
};
struct found_credential {
  std::optional<library::secret_owner> device;
  std::optional<registered_account> account;  // only when no device was found
};
// One answer for each, in order; one statement, and a second one when registered accounts have to be looked at.
std::vector<found_credential> find_credentials(db::tx&, const std::vector<shown_credential>&);

}  // namespace carrel::auth
