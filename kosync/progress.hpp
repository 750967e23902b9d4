#pragma once
// What readers send and get as JSON (kosync.md 4.3, 4.4).

#include <string>
#include <string_view>

#include "kosync/refusal.hpp"
#include "library/position.hpp"
#include "server/core/error.hpp"
#include "server/core/json.hpp"

namespace carrel::kosync {

inline constexpr std::size_t most_body = 64 << 10;

// One rule for storing and fetching (kosync.md 4.7): 1 to 256 bytes, no control characters, no ':' and no '/'.
bool valid_document(std::string_view);

// The object in a body, or how KOSync says that it is none.
result<json::object, refusal> read_body(std::string_view body);

// Everything but user, credential and time. The device_key is that of a shared password.
result<library::position, refusal> parse_progress(std::string_view body);

// Which device, as far as can be told (kosync.md 9.1).
std::string device_key(const std::string& device, const std::optional<std::string>& device_id);
std::string device_key(const uuid& credential);

std::string stored_json(const std::string& document, std::int64_t timestamp);
std::string progress_json(const library::position&);
std::string error_json(int code, std::string_view message);

}  // namespace carrel::kosync
