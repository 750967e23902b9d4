#pragma once
// Keys for programs (contract.md 4): `crl_` and 24 random bytes, found by their SHA-256, shown once.

#include <optional>
#include <string>
#include <vector>

#include "server/core/clock.hpp"
#include "server/core/error.hpp"
#include "server/core/uuid.hpp"
#include "server/db/tx.hpp"

namespace carrel::auth {

struct api_key {
  uuid id, user_id;
  std::string user_name, label, scope, prefix;
  std::optional<instant> expires_at, last_used_at;
  instant created_at{};
};

struct new_key {
  api_key made;
  std::string key;
};

// Scope: read, write or admin; a key never has more rights than its account. Errors: "label" (1 to 100 characters), "scope",
// "user".
result<new_key> create_key(db::tx&, const uuid& user, const std::string& label, const std::string& scope,
                           const std::optional<instant>& expires_at = std::nullopt);
std::vector<api_key> list_keys(db::tx&, const std::optional<uuid>& user);  // of one account or all, expired ones too
bool revoke_key(db::tx&, const std::optional<uuid>& user, const uuid& key);

std::string key_hash(std::string_view key);

struct key_owner {
  uuid id, user;
  std::string user_name, role, scope;
  bool disabled = false;
};
// One answer for each hash, in order, by one statement; expired keys are unknown.
std::vector<std::optional<key_owner>> find_keys(db::tx&, const std::vector<std::string>& hashes);
void key_was_used(db::tx&, const uuid& key);  // at most one row change a minute

}  // namespace carrel::auth
