#pragma once
// The parts of a comic's archive, whatever its container (ingest.md 10.1). For the files of this folder only.

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "publication/recognise.hpp"

namespace carrel::publication::comic {

struct part {
  std::string name;                    // raw bytes
  std::uint64_t size = 0;              // as declared
  std::optional<std::uint32_t> crc{};  // to be compared by whoever reads it
  bool is_folder = false, is_link = false, encrypted = false;
};

// RAR, 7z and tar have no random access, so nobody gets more than a walk from the first part to the last.
class parts {
 public:
  virtual ~parts() = default;

  // The next part in the order of the archive; none at the end.
  virtual result<std::optional<part>, refusal> next() = 0;

  // All bytes of that part; to be asked once. Refusals as of archive::read(). After archive_entry_damaged and archive_symlink the
  // walk can go on; when it cannot, next() says so.
  virtual result<std::string, refusal> read(std::uint64_t limit, std::string_view too_large) = 0;

  // Back to before the first part.
  virtual std::optional<refusal> restart() = 0;
};

// Refusals: archive_corrupt, archive_encrypted, archive_multivolume, archive_unsupported_method. The limits of ingest.md 20 come
// as refusals of next(). What `found` holds and the descriptor must outlive the parts.
result<std::unique_ptr<parts>, refusal> open_parts(int descriptor, const recognised& found, const limits&);

}  // namespace carrel::publication::comic
