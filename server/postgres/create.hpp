#pragma once

#include <filesystem>
#include <optional>

#include "server/core/error.hpp"
#include "server/postgres/layout.hpp"

namespace carrel::postgres {

// Makes data/pg with the database in it, or nothing: all is done in data/pg.new, synced, and renamed. Internal.
std::optional<error> create_cluster(const layout&, const std::filesystem::path& binaries);

}  // namespace carrel::postgres
