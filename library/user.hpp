#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "library/access.hpp"
#include "server/core/clock.hpp"
#include "server/core/error.hpp"
#include "server/core/uuid.hpp"
#include "server/db/tx.hpp"

namespace carrel::library {

struct user {
  uuid id;
  std::string name;
  rights may;
  bool disabled = false;
  std::string language, theme;
  std::optional<std::string> position_policy;  // "latest", "furthest"; absent: the setting
  std::optional<bool> hold_stale;
  std::int64_t audience = 1, state = 1;  // parts of validators (schema/0001)
  instant created_at{};
};

// 1 to 64 characters after trimming; no control characters, ':' or '/' (kosync.md 4.1). The error's field is "name".
result<std::string> check_user_name(std::string_view);
std::string name_key(std::string_view);  // NFC, case folded: how names of users, devices and shelves are compared
// The same rules for other names (devices, shelves), which may hold ':' and '/'.
result<std::string> check_name(std::string_view, std::size_t most_characters);
// What check_name refuses is left out or cut; "" when nothing is left to see.
std::string fit_name(std::string_view, std::size_t most_characters);

// `password_hash` is an argon2id string of server/auth. Throws db::unique_violation when the name is taken.
user add_user(db::tx&, const std::string& name, role, const std::optional<std::string>& password_hash);
std::vector<user> users(db::tx&);
std::optional<user> find_user(db::tx&, const uuid&);
std::optional<user> find_user_named(db::tx&, std::string_view id_or_name);
std::optional<std::string> password_hash_of(db::tx&, const uuid& user);
bool has_owner(db::tx&);
std::optional<rights> rights_of(db::tx&, const uuid& user);  // nothing for a disabled or unknown account

// Each bumps `audience` where what the account sees may change. The last enabled owner cannot be disabled, deleted or made
// less: error field "owner"; no such account: "user".
std::optional<error> set_role(db::tx&, const uuid& user, role);
std::optional<error> disable_user(db::tx&, const uuid& user, bool disabled);
std::optional<error> delete_user(db::tx&, const uuid& user);
void set_password_hash(db::tx&, const uuid& user, const std::string& hash);  // ends every browser session of the account
void set_appearance(db::tx&, const uuid& user, const std::string& language, const std::string& theme);
void set_position_policy(db::tx&, const uuid& user, const std::optional<std::string>& policy,
                         const std::optional<bool>& hold_stale);

struct limits {
  std::optional<std::vector<uuid>> libraries;
  std::optional<int> highest_age;
  std::vector<std::string> hidden_tags, required_tags;
  bool may_download = true, may_upload = false, may_shelve = true;
};
limits limits_of(db::tx&, const uuid& user);
void set_limits(db::tx&, const uuid& user, const limits&);

// KOSync accounts (kosync.md 4.1); `hash` is the argon2id string of the key, the lower-case MD5 that clients send.
// Registering makes a limited account without password, so it cannot sign in to the web. Throws db::unique_violation when the
// name is taken.
uuid register_kosync(db::tx&, const std::string& name, const std::string& hash);
// A KOSync password of one's own besides those of devices; nullopt removes it.
void set_kosync_password(db::tx&, const uuid& user, const std::optional<std::string>& hash);
bool has_kosync_password(db::tx&, const uuid& user);

void bump_state(db::tx&, const uuid& user);  // own shelves, positions: feeds that show them must change

}  // namespace carrel::library
