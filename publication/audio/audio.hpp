#pragma once
// A book in one sound file (ingest.md 14.1 to 14.4, 14.6). For the files of this folder only.

#include <string>
#include <vector>

#include "publication/open.hpp"

namespace carrel::publication {

// Refusals: audio_unreadable, source_unreadable.
result<opened, refusal> open_audio(int descriptor, const kind&, const std::string& file_name, const limits&,
                                   std::vector<warning>);

}  // namespace carrel::publication
