#pragma once
// Walking a folder (ingest.md 3.1, 3.2). Links are never followed.

#include <filesystem>
#include <functional>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "ingest/grouping.hpp"
#include "ingest/paths.hpp"
#include "library/store.hpp"

namespace carrel::ingest {

// Folders that hold Carrel's own files; a walk does not enter them. By device and inode, so that another spelling does not help.
using own_folders = std::set<std::pair<std::int64_t, std::int64_t>>;
own_folders folders_of(const library::store&);
// A folder that lies inside one of them.
bool inside_own(const std::filesystem::path&, const own_folders&);

struct walk_visitor {
  std::function<void(const std::filesystem::path&, const identity&)> file;     // ordinary files with names that are looked at
  std::function<void(const std::filesystem::path&, const identity&)> special;  // links, FIFOs, sockets, devices
  std::function<void(const std::filesystem::path&)> folder;                    // before its entries are read
  std::function<void(const std::filesystem::path&)> left;                      // after the last of them
  std::function<void(const std::filesystem::path&, const identity&)> beside;   // sidecars; not set: they are ignored
  std::function<void(const std::filesystem::path&)> ignored;                   // names of 3.2
  std::function<void(const std::filesystem::path&, const std::string& code)> trouble;  // folder_unavailable, folder_too_deep
  std::function<bool()> stop;
};

// In the order of the names' bytes. Entries of a folder are read before the first of them is visited.
void walk(const std::filesystem::path& root, const std::vector<std::string>& ignore, const own_folders&, const walk_visitor&);

// One folder, as far as it can be read, with the recordings in the folders of discs below it.
listing list_folder(const std::filesystem::path&, const std::vector<std::string>& ignore);
// As drop folders are compared: normal, without a slash at the end.
std::filesystem::path plain_folder(const std::filesystem::path&);
// The folder whose listing has the file; `root` is no book's folder.
std::filesystem::path home_of(const std::filesystem::path& file, const std::filesystem::path& root);

}  // namespace carrel::ingest
