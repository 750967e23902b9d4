#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "server/core/config.hpp"

namespace carrel::ingest {

// product.md 7 and the waiting times of ingest.md 3.3.
struct settings {
  std::filesystem::path drop_dir;
  std::vector<std::filesystem::path> roots;  // places for libraries
  std::vector<std::string> ignore;
  std::chrono::milliseconds settle{10'000}, sample_gap{2'000};
  std::chrono::milliseconds empty_grace = std::chrono::minutes(10), incomplete_grace = std::chrono::hours(24);
  std::chrono::milliseconds unreadable_gap = std::chrono::seconds(30);  // between two tries to open a file
  std::optional<std::chrono::milliseconds> scan_every;                  // unset: 60 s, or 15 s where inotify cannot see
  bool poll_only = false;                                               // no inotify
  bool poll_off = false;                                                // inotify alone, as long as it works
  std::optional<double> auto_approve;
  std::uint64_t upload_limit = 2ULL << 30;
  std::uint64_t reserve = 64ULL << 20;  // taking in waits while less than this is free
  unsigned workers = 2;
  std::chrono::days attic{30}, trash{30};
};

settings settings_from(const config&);

}  // namespace carrel::ingest
