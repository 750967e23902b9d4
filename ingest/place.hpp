#pragma once
// How library_files names a file: the path below the root with a zero byte for each slash, so that rows in the order of their
// bytes come as a folder is walked.

#include <algorithm>
#include <filesystem>
#include <string>

namespace carrel::ingest {

inline std::string place_of(const std::filesystem::path& root, const std::filesystem::path& p) {
  std::string out = p.native().size() > root.native().size() ? p.native().substr(root.native().size() + 1) : std::string();
  std::replace(out.begin(), out.end(), '/', '\0');
  return out;
}

inline std::filesystem::path path_of(const std::filesystem::path& root, std::string place) {
  std::replace(place.begin(), place.end(), '\0', '/');
  return root / place;
}

inline std::string folder_of(const std::string& place) {
  std::size_t end = place.rfind('\0');
  return end == std::string::npos ? std::string() : place.substr(0, end);
}

}  // namespace carrel::ingest
