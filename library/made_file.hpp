#pragma once
// Files of the cache that are made of stored ones: what is there under its name is whole.

#include <filesystem>
#include <string>

#include "library/store.hpp"
#include "server/core/file.hpp"

namespace carrel::library {

file open_made(const std::filesystem::path&);
file open_stored(const store&, const std::string& storage_path);  // no link leads to one outside (ingest.md 4.5)
bool has_size(const std::filesystem::path&, std::int64_t size);
// Used now: what was used last goes last.
void touch(const std::filesystem::path&);

// A file that is being made; whatever comes of it, nothing is left under its name.
struct workpiece {
  std::filesystem::path path;
  explicit workpiece(const std::filesystem::path& folder);
  ~workpiece();
  workpiece(const workpiece&) = delete;
  workpiece& operator=(const workpiece&) = delete;
};
// The name comes after the bytes are safe. Throws what the disk says.
void put_in_place(const std::filesystem::path& made, const std::filesystem::path& target);
// What was left behind when a process was killed over it.
void remove_abandoned(const std::filesystem::path& folder);

[[noreturn]] void throw_system(const std::string& what);  // errno

}  // namespace carrel::library
