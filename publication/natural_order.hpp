#pragma once
// The order in which people number things: "Part 2" before "Part 10" (ingest.md 10.3, 14.5).

#include <string_view>

namespace carrel::publication {

// Digits count as the numbers they are; what is equal then goes by its bytes.
bool in_natural_order(std::string_view one, std::string_view other);

}  // namespace carrel::publication
