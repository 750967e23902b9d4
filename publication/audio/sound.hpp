#pragma once
// One reader for each container of sound. A reader puts the tags it finds aside and tells what only the container knows. For the
// files of this folder only.

#include <cstdint>
#include <string>
#include <vector>

#include "publication/audio/tags.hpp"
#include "publication/metadata.hpp"
#include "server/core/error.hpp"

namespace carrel::publication::audio {

struct sound {
  std::int64_t duration = 0;      // in milliseconds; 0: nothing that could be played
  std::vector<chapter> chapters;  // as written: in any order, their ends unknown
  std::string drm;                // as metadata.drm
  std::string hash;               // ingest.md 7.2; "" where not defined, or not wanted
};

struct source {
  int descriptor = -1;
  std::uint64_t size = 0;
  bool hash_wanted = true;
};

// All refuse with audio_unreadable.
result<sound, refusal> read_mpeg(const source&, tags&);
result<sound, refusal> read_mp4(const source&, tags&);
result<sound, refusal> read_flac(const source&, tags&);
result<sound, refusal> read_ogg(const source&, tags&);
result<sound, refusal> read_wave(const source&, tags&);
result<sound, refusal> read_asf(const source&, tags&);

inline refusal unreadable(std::string detail = {}) { return {"audio_unreadable", std::move(detail)}; }

}  // namespace carrel::publication::audio
