#pragma once
// What a request shows, decoded and not yet believed.

#include <optional>
#include <string>
#include <string_view>

#include "server/http/message.hpp"

namespace carrel::auth {

struct name_and_secret {
  std::string name, secret;
};

// `Authorization: Basic` (opds.md 4.1): base64 with or without padding, split at the first colon, UTF-8 or else ISO-8859-1.
// nullopt for another scheme or none; empty fields when it cannot be decoded.
std::optional<name_and_secret> basic_of(const http::request&);

std::optional<std::string> bearer_of(const http::request&);

// x-auth-user, trimmed, and x-auth-key (kosync.md 5.3); nullopt unless both are there and not empty.
std::optional<name_and_secret> kosync_pair_of(const http::request&);
bool is_md5_hex(std::string_view);

// The key of names (library::name_key), or "" for what no account can be called.
std::string key_of_shown_name(std::string_view);

}  // namespace carrel::auth
