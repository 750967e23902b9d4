#pragma once
// Fingerprints of a file (ingest.md 7.1, kosync.md 8).

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "server/core/error.hpp"

namespace carrel::publication {

struct fingerprints {
  std::string sha256, md5, koreader_md5;  // lower-case hex
  std::uint64_t size = 0;
};

// One reading pass over the descriptor from its beginning; uses pread, the file position does not matter.
result<fingerprints> fingerprint(int descriptor);
// SHA-256 alone, for proving that bytes are those that are known; a third of the work.
result<std::string> sha256_of(int descriptor);

// The same computed while bytes stream by (uploads, copies). Feed everything in order, then finish().
class running_fingerprint {
 public:
  running_fingerprint();
  ~running_fingerprint();
  void update(std::string_view);
  fingerprints finish();

 private:
  struct state;
  std::unique_ptr<state> state_;
};

// MD5 of the base name's bytes (kosync.md 8.3); anything up to the last '/' is cut off.
std::string file_name_md5(std::string_view name);

// Every name under which a device may know a file (kosync.md 8.3), without repeats: the names given, NFC and NFD forms,
// KOReader's own "<author> - <title>.<ext>".
std::vector<std::string> device_names(const std::vector<std::string>& names, std::string_view title,
                                      std::string_view first_author, std::string_view extension);

}  // namespace carrel::publication
