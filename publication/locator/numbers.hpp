#pragma once
// Decimal numbers in pointers. For the files of this folder only.

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string_view>

namespace carrel::publication::locator {

// The whole text, digits only. One of more digits than any book has characters is the same: too large.
inline std::optional<std::uint64_t> decimal(std::string_view s) {
  constexpr std::uint64_t too_large = 1'000'000'000'000'000;
  if (s.empty()) return std::nullopt;
  std::uint64_t out = 0;
  for (char c : s) {
    if (c < '0' || c > '9') return std::nullopt;
    out = std::min(out * 10 + static_cast<std::uint64_t>(c - '0'), too_large);
  }
  return out;
}

}  // namespace carrel::publication::locator
