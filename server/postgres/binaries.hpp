#pragma once
// Which PostgreSQL is installed. Internal to server/postgres.

#include <filesystem>
#include <string>

#include "server/core/error.hpp"

namespace carrel::postgres {

inline constexpr int oldest_version = 15;

// The major version of the programs in a folder.
result<int> version_of(const std::filesystem::path& binaries);

// The programs for an existing cluster: those of its own version when installed, so that a newer package next to the
// old one changes nothing. Otherwise an error with the way to upgrade.
result<std::filesystem::path> binaries_for(const std::filesystem::path& cluster);

}  // namespace carrel::postgres
