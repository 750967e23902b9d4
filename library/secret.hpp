#pragma once
// Keys and tokens of other services (hardcover.md 3.3, 3.4): encrypted in the database, and nowhere else.

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

#include "server/core/config.hpp"
#include "server/core/error.hpp"
#include "server/core/seal.hpp"
#include "server/db/tx.hpp"

namespace carrel::library {

// The key of this installation: secrets.key, else the file secret.key in the data directory, which is made once and is the same
// for every process. Errors: the file cannot be read or written.
result<seal> installation_seal(const config&, const std::filesystem::path& data);

// A key or token as people paste it: with "Authorization: Bearer", quotes, line ends. Nothing when it cannot be one.
std::optional<std::string> clean_secret(std::string_view pasted);

void keep_secret(db::tx&, const seal&, const std::string& service, const std::string& owner, const std::string& secret);
bool drop_secret(db::tx&, const std::string& service, const std::string& owner);
// Nothing when there is none, or when another key encrypted it; the row says so then, and nobody is asked with half a secret.
std::optional<std::string> read_secret(db::tx&, const seal&, const std::string& service, const std::string& owner);

}  // namespace carrel::library
