#pragma once
// The recordings of a book as players see them: one length, tracks in their order, chapters (audiobooks.md A1).

#include <cstdint>
#include <string>
#include <vector>

#include "server/core/uuid.hpp"
#include "server/db/tx.hpp"

namespace carrel::library {

// Times in milliseconds from the beginning of the book.
struct recorded_track {
  uuid file;
  std::string title;
  std::int64_t start = 0, length = 0;
};
struct recorded_chapter {
  std::string title;
  std::int64_t start = 0;
};
struct recording {
  std::vector<recorded_track> tracks;
  std::vector<recorded_chapter> chapters;
  std::int64_t length = 0;  // of all tracks together
};

// Without tracks when the book has no recordings that can be played. What nobody has put together is one track, `file`.
recording recording_of(db::tx&, const uuid& book, const uuid& file);

}  // namespace carrel::library
