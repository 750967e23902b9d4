#pragma once
// Chapters inside one sound file (ingest.md 14.3). For the files of this folder only.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "publication/audio/tags.hpp"
#include "publication/metadata.hpp"

namespace carrel::publication::audio {

// "HH:MM:SS.mmm", "m:ss.mmm" or seconds, in milliseconds.
std::optional<std::int64_t> clock_time(std::string_view);

std::vector<chapter> vorbis_chapters(const tags&);                         // CHAPTERnnn and CHAPTERnnnNAME
std::vector<chapter> marked_chapters(const tags&, std::vector<warning>&);  // TXXX:OverDrive MediaMarkers

// What players can use: sorted, each ending where the next begins and the last with the sound, none empty, titles cleaned.
std::vector<chapter> in_order(std::vector<chapter>, std::int64_t duration, std::vector<warning>&);

}  // namespace carrel::publication::audio
