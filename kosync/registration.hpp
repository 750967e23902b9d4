#pragma once
// POST /users/create (kosync.md 4.1). A reader shows the text of a 402 to its owner; any other refusal is "Unknown server error".

#include <string>
#include <string_view>

#include "kosync/refusal.hpp"
#include "server/core/error.hpp"
#include "server/db/tx.hpp"

namespace carrel::kosync {

struct registration {
  std::string name;
  std::string key;  // lower-case MD5 of the password
};

result<registration, refusal> parse_registration(std::string_view body);
refusal registration_off();
refusal name_taken();
refusal account_exists();  // and the key is right
refusal too_many_registrations();

// Counts a try of this address. False when it had its handful for this hour. The machine itself is not counted.
bool may_register(db::tx&, const std::string& address);

std::string created_json(const std::string& name);

}  // namespace carrel::kosync
