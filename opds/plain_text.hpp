#pragma once
// Internal to the writers.

#include <string>
#include <string_view>

namespace carrel::opds {

// Runs of white space, line breaks included, become one blank (opds.md 5.2); none is left at the ends.
std::string one_line(std::string_view text);

}  // namespace carrel::opds
