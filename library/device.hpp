#pragma once

#include <chrono>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "library/revision.hpp"
#include "server/core/clock.hpp"
#include "server/core/error.hpp"
#include "server/core/uuid.hpp"
#include "server/db/tx.hpp"

namespace carrel::library {

struct device {
  uuid id, user_id;
  std::string user_name, name, kind;  // kobo, koreader, app
  std::optional<instant> last_seen_at;
  std::string last_address, last_agent;
  instant created_at{};
  std::vector<uuid> shelves;
};

// The secret is shown this once. `password` is xxxx-xxxx-xxxx-xxxx; `token` only for kind kobo.
struct new_device {
  device made;
  std::string password, token;
};

// Throws db::unique_violation when the account has a device of that name; errors: "name", "kind".
result<new_device> add_device(db::tx&, const uuid& user, const std::string& name, const std::string& kind);
std::vector<device> devices(db::tx&, const std::optional<uuid>& user);  // of one account or all; not the revoked ones
std::optional<device> find_device(db::tx&, const uuid& device);
// A name that several accounts use for a device finds nothing without `user`.
std::optional<device> find_device_named(db::tx&, const std::optional<uuid>& user, std::string_view id_or_name);
bool revoke_device(db::tx&, const uuid& device);

// A new secret; the old one ends at once, or after `grace`.
std::optional<new_device> rotate_device(db::tx&, const uuid& device, std::chrono::seconds grace);

// Hashes under which a shown secret is looked up. Device passwords are accepted with dashes, blanks or neither.
std::string plain_secret_hash(std::string_view shown);     // raw SHA-256 of the sixteen letters
std::string kosync_secret_hash(std::string_view md5_hex);  // raw SHA-256 of the lower-case key
std::string kobo_secret_hash(std::string_view token);

// The raw SHA-256 of a bearer, and that this device shows it: the means to know a Kobo where its path token is lost (kobo.md 4.2,
// 15). The last few are kept. A bearer that two devices show belongs to the later one.
std::string bearer_secret_hash(std::string_view bearer);
void remember_bearer(db::tx&, const uuid& device, const std::string& hash);

// Whose secret this is; nothing for unknown, expired or revoked ones.
struct secret_owner {
  uuid device, user;
  std::string device_name, device_kind, user_name, user_key, role;
  bool disabled = false;            // the account; its secrets open nothing
  std::vector<std::string> scopes;  // empty: everything a device may do
  std::optional<gate> seen;         // of the account, when it was asked for

  bool may_use(std::string_view scope) const;  // opds, kosync, dav; kobo only for that kind
};
struct shown_secret {
  std::string hash, form;
};
// Of a statement that asks device_of_secret for it together with its work: columns 1 to 9 are device_id to scopes.
secret_owner owner_in(const db::row&);
// One answer for each, in order, by one statement.
std::vector<std::optional<secret_owner>> find_secrets(db::tx&, const std::vector<shown_secret>&);
std::vector<std::optional<secret_owner>> find_secrets_and_gates(db::tx&, const std::vector<shown_secret>&);

// What its secret opens: any of opds, kosync, dav, kobo (product.md 8); empty: all. False for unknown devices and words.
bool set_device_scopes(db::tx&, const uuid& device, const std::vector<std::string>& scopes);

// Remembers contact; at most one row change a minute and device.
void saw_device(db::tx&, const uuid& device, const std::string& address, const std::string& agent);

struct device_request {
  instant at{};
  std::string protocol, request, note;
  int status = 0;
};
using device_notes = std::map<uuid, std::deque<device_request>>;  // in the order in which rows are locked
void note_requests(db::tx&, const device_notes&);                 // of each device the last 50 stay
std::vector<device_request> recent_requests(db::tx&, const uuid& device, int most);

// True when it changed. The shelf must be one of the device's account or shared.
bool feed_device(db::tx&, const uuid& device, const uuid& shelf, bool on);

}  // namespace carrel::library
