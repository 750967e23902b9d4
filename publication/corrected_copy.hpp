#pragma once
// A copy of an EPUB that says of itself what the library says (setting deliver.metadata). Its documents are the same, byte by
// byte, and so are all places in them. The same file, values and version make the same bytes.

#include <cstdint>
#include <filesystem>
#include <string>

#include "publication/corrected.hpp"
#include "publication/open.hpp"
#include "server/core/error.hpp"

namespace carrel::publication {

constexpr int corrected_copy_version = 1;
constexpr std::uint64_t largest_corrected_copy = 200ULL << 20;

// Reads an open regular file and writes `to`, which appears whole or not at all. False: the file says all of it already, and
// nothing is written. Refusals: those of open(), kepub_not_epub, kepub_protected, kepub_too_large, kepub_failed,
// epub_bad_package, and archive_unsupported_method, for what cannot be copied is not left out.
result<bool, refusal> write_corrected_copy(int source, const std::string& file_name, const std::filesystem::path& to,
                                           const corrected&, const limits& = {});

}  // namespace carrel::publication
