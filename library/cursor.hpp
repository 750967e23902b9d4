#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "server/core/uuid.hpp"

namespace carrel::library {

// Where a page starts (opds.md 7.2): values of the order columns and the id of the anchor row, so that rows inserted or removed
// meanwhile neither shift nor repeat entries.
struct cursor {
  enum class side { start, after, before, end } from = side::start;
  std::string key{};   // the order column's value; instants as microseconds since 1970 in decimal
  std::string key2{};  // second order column, where the list has one
  uuid id{};
  std::uint64_t ordinal = 0;  // 1-based place of the first entry of the page; 0 unknown
};

// base64url. `list` names the list and its filters ("author:<id>"); a token of another list is refused.
std::string to_token(const cursor&, std::string_view list);
std::optional<cursor> from_token(std::string_view token, std::string_view list, cursor::side);

}  // namespace carrel::library
