#pragma once
// Sign-ins of browsers. The cookie's value is random; the database knows its SHA-256.

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "server/core/clock.hpp"
#include "server/core/uuid.hpp"
#include "server/db/tx.hpp"

namespace carrel::auth {

struct session_life {
  std::chrono::milliseconds idle, most;  // auth.idle, auth.max
};

std::string cookie_hash(std::string_view cookie);

struct new_session {
  uuid id, user;
  std::string token_hash, csrf, address, agent;
  std::string password_hash;            // the one that was checked
  std::optional<std::string> replaced;  // hash of the cookie that the browser showed
};
// False when the account was disabled or its password changed meanwhile. Also removes what has ended.
bool open_session(db::tx&, const new_session&, const session_life&);

struct open_session_row {
  uuid id, user;
  std::string user_name, role, csrf;
  instant last_used_at{};
};
// One answer for each hash, in order, by one statement; ended sessions and those of disabled accounts are unknown.
std::vector<std::optional<open_session_row>> find_sessions(db::tx&, const std::vector<std::string>& hashes, const session_life&);
void session_was_used(db::tx&, const uuid& session);
void end_session(db::tx&, const std::string& token_hash);

// For the account page.
struct session_info {
  uuid id;
  std::string address, agent;
  instant created_at{}, last_used_at{};
};
std::vector<session_info> sessions_of(db::tx&, const uuid& user, const session_life&);  // last used first
bool end_session_of(db::tx&, const uuid& user, const uuid& session);

}  // namespace carrel::auth
