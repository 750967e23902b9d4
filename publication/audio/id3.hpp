#pragma once
// ID3v2 tags, 2.2 to 2.4. TagLib reads them, too, but follows chapters inside chapters as deep as they go: 30,000 levels fit into
// 800 KiB and end the process. For the files of this folder only.

#include <cstdint>
#include <vector>

#include "publication/audio/bytes.hpp"
#include "publication/audio/tags.hpp"
#include "publication/metadata.hpp"

namespace carrel::publication::audio {

// Where the tag at `begin` ends; `begin` when there is none. May lie beyond the end of the file.
std::uint64_t end_of_id3(int descriptor, std::uint64_t begin);

// Reads the tag at the beginning of `where`. Chapters are appended as they are written.
void read_id3(int descriptor, range where, tags&, std::vector<chapter>&);

}  // namespace carrel::publication::audio
