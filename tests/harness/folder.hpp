#pragma once
// Folders and files of tests that need no database.

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <string>

namespace carrel::harness {

// The specifications, schemas, samples and the corpus generator beside the clone, where they are (contract.md 2).
inline std::filesystem::path shared_folder() {
  const char* given = std::getenv("CARREL_SHARED");
  return given != nullptr ? std::filesystem::path(given) : std::filesystem::path(CARREL_SOURCE_DIR) / ".." / "shared";
}

// An empty folder that goes with its name.
struct scratch_folder {
  std::filesystem::path path;
  scratch_folder() {
    std::string pattern = (std::filesystem::temp_directory_path() / "carrel-test-XXXXXX").string();
    if (::mkdtemp(pattern.data()) == nullptr) throw std::runtime_error("mkdtemp");
    path = pattern;
  }
  ~scratch_folder() {
    std::error_code ignored;
    std::filesystem::remove_all(path, ignored);
  }
  scratch_folder(const scratch_folder&) = delete;
  scratch_folder& operator=(const scratch_folder&) = delete;
};

inline std::string read_file(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

}  // namespace carrel::harness
