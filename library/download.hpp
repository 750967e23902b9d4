#pragma once

#include <optional>
#include <string>

#include "server/core/uuid.hpp"
#include "server/db/tx.hpp"

namespace carrel::library {

// A file was handed over to its last byte (opds.md 13.2). Also marks the file's hashes as served. `copy`: the SHA-256 of what was
// handed over, where that is not the stored file.
void record_download(db::tx&, const uuid& user, const std::optional<uuid>& device, const uuid& file,
                     const std::string& copy = {});

}  // namespace carrel::library
