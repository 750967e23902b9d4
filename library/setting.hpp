#pragma once

#include <optional>
#include <string>

#include "server/core/json.hpp"
#include "server/db/tx.hpp"

namespace carrel::library {

// Settings an owner changes while running (product.md 7); keys are those of the configuration or page-only ones.
std::optional<json::value> read_setting(db::tx&, const std::string& key);
void write_setting(db::tx&, const std::string& key, const json::value&);  // null removes it

// One-time codes (setup, invitations): eight letters in two groups; only the hash is kept.
std::string make_code(db::tx&, const std::string& purpose, std::chrono::seconds life);
bool code_is_good(db::tx&, const std::string& purpose, const std::string& code);
bool use_code(db::tx&, const std::string& purpose, const std::string& code);  // true once

}  // namespace carrel::library
