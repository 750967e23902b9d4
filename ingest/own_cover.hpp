#pragma once

#include <filesystem>
#include <optional>

#include "ingest/services.hpp"
#include "library/audit.hpp"
#include "server/core/uuid.hpp"

namespace carrel::ingest {

// A picture that somebody sent for a book's cover: looked at in an inspector, stored, shown. The file stays the caller's. Errors:
// a code of ingest.md 22 with its message; "book" when there is no such book. Blocks for as long as looking takes.
std::optional<error> set_own_cover(const services&, const uuid& book, const std::filesystem::path& picture,
                                   const library::actor&);

}  // namespace carrel::ingest
