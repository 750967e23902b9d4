#pragma once

#include <cstdint>
#include <filesystem>
#include <set>

namespace carrel::library {

// Unlinks files below the folder until they have at most so many bytes together, the least recently used first (their
// modification time); never one of `keep`. How many went.
int trim_folder(const std::filesystem::path&, std::uint64_t most_bytes, const std::set<std::filesystem::path>& keep = {});
std::uint64_t bytes_below(const std::filesystem::path&);

}  // namespace carrel::library
