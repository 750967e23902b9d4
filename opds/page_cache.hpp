#pragma once
// Pages of comics and PDFs as they were sent, in the cache directory: can be deleted at any time (opds.md 8.2). Internal to opds.

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>

namespace carrel::opds {

struct page_key {
  std::string checksum{};  // of the file
  int page = 0;            // from 0
  int width = 0;           // 0: as it is
  bool for_readers = false;
  std::string text() const;  // a name of a file, and a tag
};

class page_cache {
 public:
  // `later` runs what no answer waits for.
  page_cache(std::filesystem::path folder, std::uint64_t most_bytes, std::function<void(std::function<void()>)> later)
      : folder_(std::move(folder)), most_(most_bytes), later_(std::move(later)) {}

  std::optional<std::string> find(const page_key&) const;  // blocking
  // A page that cannot be kept is made again another time.
  void keep(const page_key&, const std::string& bytes);

 private:
  std::filesystem::path path_of(const page_key&) const;
  void trim_now_and_then(std::uint64_t written);

  const std::filesystem::path folder_;
  const std::uint64_t most_;
  const std::function<void(std::function<void()>)> later_;
  std::atomic<std::uint64_t> written_ = 0;  // since the folder was last looked through
};

}  // namespace carrel::opds
