#pragma once

#include <filesystem>
#include <optional>

#include "ingest/services.hpp"
#include "library/audit.hpp"
#include "server/core/uuid.hpp"

namespace carrel::ingest {

// New bytes for a file of a book (contract.md 4): same book, same file, new fingerprints; the old ones stay known and the old
// bytes go to the attic. `staged` is a file below staging/; it is gone afterwards. The same bytes again change nothing. Errors: a
// code of ingest.md 22 with its message; "format" when the new file is of another kind; "file" when there is no such file. Blocks
// for as long as reading takes.
std::optional<error> replace_file(const services&, const uuid& file, const std::filesystem::path& staged, const library::actor&);

}  // namespace carrel::ingest
