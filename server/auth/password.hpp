#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace carrel::auth {

// argon2id with its parameters inside the text (libsodium). Slow on purpose: never on an I/O thread.
std::string hash_password(std::string_view password, std::uint64_t memory_bytes);
bool password_matches(std::string_view password, const std::string& hash);

// Why a person may not choose this password. One rule for the pages, the set-up and the commands: 10 characters at least,
// 1024 bytes at most, not the name.
enum class password_flaw { too_short, too_long, is_the_name };
std::optional<password_flaw> flaw_of(std::string_view password, std::string_view name);
std::string_view words_for(password_flaw);  // English, for commands

}  // namespace carrel::auth
