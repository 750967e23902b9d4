#pragma once

#include <cstdint>
#include <filesystem>
#include <set>
#include <string_view>

namespace carrel::library {

// Unlinks files below the folder until they have at most so many bytes together, the least recently used first (their
// modification time); never one of `keep`. How many went.
int trim_folder(const std::filesystem::path&, std::uint64_t most_bytes, const std::set<std::filesystem::path>& keep = {});
// Under a temporary name that is renamed, with the folders above it. `synced`: a file of that name is whole even after a crash.
// False when it cannot be written.
bool write_cached(const std::filesystem::path&, std::string_view bytes, bool synced = false);
std::uint64_t bytes_below(const std::filesystem::path&);

}  // namespace carrel::library
