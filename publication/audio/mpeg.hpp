#pragma once
// What stands around the sound of an MP3 file, and of others that carry the same tags at their end. For the files of this folder
// only.

#include <cstdint>

#include "publication/audio/bytes.hpp"

namespace carrel::publication::audio {

// Where the sound ends: before ID3v1, APE and Lyrics3 tags, in whatever order they were put behind it.
std::uint64_t end_of_sound(int descriptor, range where);

// In milliseconds: by a Xing or VBRI header, else by counting the frames. 0 when there are none.
std::int64_t mpeg_duration(int descriptor, range where);

}  // namespace carrel::publication::audio
