#pragma once
// A copy of a library's database to look into. For the files of this folder only.

#include <filesystem>

namespace carrel::publication::calibre {

// A private folder that goes with its name.
class private_copy {
 public:
  // metadata.db and what SQLite keeps beside it, unchanged while they were read. Throws trouble.
  private_copy(const std::filesystem::path& library, const std::filesystem::path& scratch);
  ~private_copy();
  private_copy(const private_copy&) = delete;
  private_copy& operator=(const private_copy&) = delete;
  std::filesystem::path database() const { return folder_ / "metadata.db"; }

 private:
  std::filesystem::path folder_;
};

}  // namespace carrel::publication::calibre
