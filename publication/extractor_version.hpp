#pragma once

namespace carrel::publication {

// Grows with every change that lets a file be read that was refused before, or tells more of one: files in quarantine are then
// tried again at the next start (ingest.md 4.2).
constexpr int extractor_version = 1;

}  // namespace carrel::publication
