#pragma once
// Numbers as files write them.

#include <cstddef>
#include <cstdint>
#include <string>

namespace carrel::publication::test {

// A value in so many bytes, the highest first.
inline std::string big(std::uint64_t value, std::size_t bytes) {
  std::string out;
  for (std::size_t i = bytes; i > 0; --i) out += i > sizeof value ? '\0' : static_cast<char>(value >> (8 * (i - 1)) & 0xff);
  return out;
}

}  // namespace carrel::publication::test
