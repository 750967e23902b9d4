#pragma once
// Is the file complete (ingest.md 3.3)? A timer per file; the clock and the samples come from outside.

#include <sys/stat.h>

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

#include "ingest/paths.hpp"
#include "ingest/settings.hpp"
#include "server/core/uuid.hpp"

namespace carrel::ingest {

using steady = std::chrono::steady_clock;

enum class settled {
  wait,        // look again at `next`
  incomplete,  // as wait: stable, but its own structure says that something is missing
  ready,       // read it now
  special,     // not an ordinary file
  unreadable,  // it cannot be opened; looked at again at `next`
  gone,
};

class settling {
 public:
  settling(const settings& how, bool remote);
  settled sample(const std::filesystem::path&, steady::time_point at);  // of a file below the drop folder
  // Something happened to the file: look soon.
  void touch(steady::time_point at);
  steady::time_point next() const { return next_; }
  const identity& who() const { return who_; }
  steady::time_point changed_at() const { return changed_at_; }  // when it was last seen to change, or first seen
  const std::string& reason() const { return reason_; }          // of unreadable
  bool row_is_old() const { return row && row_who != who_; }

  std::optional<uuid> row;  // the item that shows it as waiting for its rest, or as unreadable
  identity row_who;
  settled shown = settled::wait;  // what the row says

 private:
  bool same(const struct stat&);

  std::filesystem::path root_;
  std::chrono::milliseconds settle_, gap_, empty_grace_, incomplete_grace_, unreadable_gap_;
  identity who_;
  std::string reason_;
  std::int64_t ctime_ns_ = 0;
  int samples_ = 0;
  std::size_t waits_ = 0;  // of the back-off of incomplete files
  steady::time_point next_{}, last_sample_{}, changed_at_{};
};

// By magic and cheap: does the end of the file fit its beginning (rule 5)?
bool shape_complete(int descriptor, std::uint64_t size);
// Somebody has it open for writing (rule 4). False also where that cannot be known.
bool open_for_writing(int descriptor);

}  // namespace carrel::ingest
