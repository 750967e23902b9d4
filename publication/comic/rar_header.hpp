#pragma once
// What the blocks of a RAR archive say before anything is unpacked (ingest.md 10.2). libarchive 3.6.2 takes an archive that was
// cut for a short one, does not compare checksums of stored files and gives encrypted ones of version 5 as they are. For the
// files of this folder only.

#include <cstdint>
#include <optional>
#include <vector>

namespace carrel::publication::comic {

struct rar_file {
  std::uint64_t size = 0;
  std::optional<std::uint32_t> crc{};
  bool encrypted = false;
};

struct rar_header {
  bool is_version_4 = false;
  bool is_volume = false;  // one part of a divided archive
  bool is_solid = false;
  bool hides_names = false;       // its table of contents is encrypted
  bool is_cut = false;            // the file ends inside a block
  std::vector<rar_file> files{};  // folders included, in their order
};

// Looks at no more than `most` blocks.
rar_header read_rar_header(int descriptor, std::uint64_t most);

}  // namespace carrel::publication::comic
