#pragma once
// The boxes of an MP4 file (ISO 14496-12), read where they are and never deeper than asked. For the files of this folder only.

#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "publication/audio/bytes.hpp"
#include "publication/metadata.hpp"

namespace carrel::publication::audio {

struct box {
  std::string type;
  range whole, content;  // content: without size and type
};

// The boxes there one after the other, without those inside them. `overlong` is set when one of them claims more than there is;
// it is not in the list, and the list ends.
constexpr std::size_t most_inside = 4096;
std::vector<box> boxes_in(int descriptor, range where, std::size_t most = most_inside, bool* overlong = nullptr);

// The first of this path of types below `where`; every step takes the first of its type.
std::optional<box> find_box(int descriptor, range where, std::initializer_list<std::string_view> path);

// A table inside a box: `count` entries of `entry_size` bytes from `skipped` bytes behind the beginning, at most `most` of them.
std::string table(int descriptor, const box&, std::size_t skipped, std::size_t entry_size, std::uint64_t count, std::size_t most);

struct track {
  range where;
  std::uint64_t id = 0, timescale = 0, duration = 0;  // the last two of its own clock; 0 when unknown
  std::string handler;                                // "soun", "text", ...
  std::string sample_entry;                           // "mp4a", "drms", ...
};
std::vector<track> tracks_of(int descriptor, const box& moov);

// Of the whole film; `fragments`: its length when it comes in pieces.
struct movie_clock {
  std::uint64_t timescale = 0, duration = 0, fragments = 0;
};
movie_clock clock_of_movie(int descriptor, const box& moov);

// 14.3: the chapters of the text track that this sound track names, and those of Nero's list.
std::vector<chapter> track_chapters(int descriptor, const track& sound, const std::vector<track>&);
std::vector<chapter> listed_chapters(int descriptor, const box& moov);

}  // namespace carrel::publication::audio
