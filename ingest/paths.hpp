#pragma once
// Small things with files: which one a name stands for just now.

#include <sys/stat.h>

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

#include "server/core/error.hpp"
#include "server/core/file.hpp"

namespace carrel::ingest {

// Size and time belong to it: a file that was written to is another one.
struct identity {
  std::int64_t dev = 0, ino = 0, size = 0, mtime_ns = 0;
  bool operator==(const identity&) const = default;
};
identity identity_of(const struct stat&);
std::optional<identity> identity_at(const std::filesystem::path&);  // of an ordinary file, not through links

struct source {
  file handle;
  identity who;
};
// Without following a link, without waiting for a FIFO (3.3 rule 1). Errors: not_a_regular_file, source_unreadable, source_gone.
result<source> open_source(const std::filesystem::path&);
// The same for a file below `root`, without following a link on the way there either (4.5).
result<source> open_below(const std::filesystem::path& root, const std::filesystem::path&);

bool is_there(const std::filesystem::path&);  // lstat works and it is an ordinary file
std::optional<error> make_synced_folder(const std::filesystem::path&);
std::optional<error> remove_synced(const std::filesystem::path&);
// SHA-256 of what is stored under this name; nothing when it cannot be read.
std::optional<std::string> sha256_of(const std::filesystem::path&);

}  // namespace carrel::ingest
