#pragma once
// Numbers as files write them.

#include <cstddef>
#include <cstdint>
#include <string>

namespace carrel::publication::test {

// The last `bytes` bytes of a value, the highest first.
inline std::string big(std::uint64_t value, std::size_t bytes) {
  std::string out;
  for (std::size_t i = bytes; i > 0; --i) out += static_cast<char>(value >> (8 * (i - 1)) & 0xff);
  return out;
}

}  // namespace carrel::publication::test
