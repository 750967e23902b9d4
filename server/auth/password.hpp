#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace carrel::auth {

// argon2id with its parameters inside the text (libsodium). Slow on purpose: never on an I/O thread.
std::string hash_password(std::string_view password, std::uint64_t memory_bytes);
bool password_matches(std::string_view password, const std::string& hash);

}  // namespace carrel::auth
