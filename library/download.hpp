#pragma once

#include <optional>

#include "server/core/uuid.hpp"
#include "server/db/tx.hpp"

namespace carrel::library {

// A file was handed over to its last byte (opds.md 13.2). Also marks the file's hashes as served.
void record_download(db::tx&, const uuid& user, const std::optional<uuid>& device, const uuid& file);

}  // namespace carrel::library
