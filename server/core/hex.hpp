#pragma once
// Hexadecimal digits.

#include <array>
#include <cstddef>

namespace carrel {

// Of a digit in either case; -1 when it is none.
inline constexpr std::array<signed char, 256> hex_values = [] {
  std::array<signed char, 256> out{};
  out.fill(-1);
  for (std::size_t i = 0; i < 10; ++i) out['0' + i] = static_cast<signed char>(i);
  for (std::size_t i = 0; i < 6; ++i) out['a' + i] = out['A' + i] = static_cast<signed char>(10 + i);
  return out;
}();

}  // namespace carrel
