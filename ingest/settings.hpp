#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "publication/calibre_columns.hpp"
#include "publication/open.hpp"
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
  bool unite_subjects = false;                  // genres and tags of several sources (18.2)
  bool comic_volume = false;                    // in the name of its series (10.4)
  publication::column_mapping calibre_columns;  // fields beside the usual ones (9.3)
  std::string calibre_tags = "known";           // known, genres or tags (16.3)
  publication::limits allowed;
  std::uint64_t upload_limit = 2ULL << 30;
  std::uint64_t reserve = 64ULL << 20;   // taking in waits while less than this is free
  std::chrono::seconds write_quiet{30};  // a book that changed is written back after as long without another change
  unsigned workers = 2;
  std::chrono::days attic{30}, trash{30};
};

settings settings_from(const config&);

}  // namespace carrel::ingest
