#pragma once
// The table of ingest.md 14.2: what the tags of a sound file mean. For the files of this folder only.

#include "publication/audio/tags.hpp"
#include "publication/metadata.hpp"

namespace carrel::publication::audio {

// Without what the container knows (duration, chapters, protection) and without guesses.
//
// Facts: `track`, `disc` (numbers), `track_title` (of a file whose title is not the book's), `abridged` (true, false), `series`
// (where there are several: "Name #number", one a line).
metadata describe(const tags&, std::vector<warning>&);

}  // namespace carrel::publication::audio
