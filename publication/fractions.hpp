#pragma once
// Fractions of books and documents, 0 to 1. For the files of this folder only.

#include <algorithm>
#include <cstdint>

namespace carrel::publication {

// 0 of nothing.
inline double fraction_of(std::uint64_t part, std::uint64_t whole) {
  return whole == 0 ? 0 : static_cast<double>(part) / static_cast<double>(whole);
}

// The nearer end of what lies beyond it. NaN counts as the beginning.
inline double fraction_inside(double fraction) { return fraction > 0 ? std::min(fraction, 1.0) : 0; }

}  // namespace carrel::publication
