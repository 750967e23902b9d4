#pragma once
// Numbers as file formats write them, most significant byte first. For the files of this folder only.

#include <cstdint>
#include <string_view>

namespace carrel::publication {

// The number of at most eight bytes at `at`; bytes behind the end do not count.
inline std::uint64_t big_endian(std::string_view b, std::size_t at, std::size_t size) {
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < size && at + i < b.size(); ++i) value = value << 8 | static_cast<unsigned char>(b[at + i]);
  return value;
}

}  // namespace carrel::publication
