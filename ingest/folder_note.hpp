#pragma once
// Folders that need a person's eye: one row of errata each, whatever the number of files it concerns, and closed by itself when
// the trouble is over.

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "server/db/tx.hpp"

namespace carrel::ingest {

struct folder_note {
  std::filesystem::path folder;
  std::string code;         // folder_unavailable, folder_too_deep, source_stays, disk_full, drop_folder_unusable, watch_limit
  std::string detail = {};  // shown with it
};

// True when it is news; a note that a person has put away stays put away as long as the trouble lasts.
bool note_folder(db::tx&, const folder_note&);
std::vector<folder_note> open_notes(db::tx&);
bool close_note(db::tx&, const folder_note&);  // false when there was none

// Items whose source could not be removed from below this folder: looked at again. How many jobs.
int reopen_sources(db::tx&, const std::filesystem::path& folder);

}  // namespace carrel::ingest
