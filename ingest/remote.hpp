#pragma once

#include <filesystem>

namespace carrel::ingest {

// On a file system on which inotify does not see what others do (ingest.md 3.1).
bool is_remote(const std::filesystem::path&);

}  // namespace carrel::ingest
