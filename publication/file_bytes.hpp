#pragma once
// Bytes of an opened file, wherever its position is. For the files of this folder only.

#include <cstdint>
#include <string>

namespace carrel::publication {

// As many as there are of `size` bytes from `at`; an unreadable file is a short one.
std::string read_at(int descriptor, std::uint64_t at, std::size_t size);

std::uint64_t size_of(int descriptor);  // 0 when that cannot be told

}  // namespace carrel::publication
