#pragma once
// Texts of name=value pairs, as queries and urlencoded bodies have them.

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace carrel::http {

// Decoded, in order; + is a space and a broken escape stays as it is. Pairs that are not UTF-8 or hold NUL are left out:
// PostgreSQL takes neither.
std::vector<std::pair<std::string, std::string>> parse_query(std::string_view);

}  // namespace carrel::http
