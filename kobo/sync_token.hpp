#pragma once
// The text in x-kobo-synctoken: it names a position and proves that we wrote it (kobo.md 6.5). Standard base64 of a small JSON
// object; no prefix, no dot, below 300 bytes.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "server/core/uuid.hpp"

namespace carrel::kobo {

struct sync_token {
  std::int64_t epoch = 0, session = 0;
  std::int64_t next = 0;  // number of the first op that is not yet said
  bool done = false;
  std::int64_t store_page = 0;  // of the real store's answers that the device has received (6.6)
  bool operator==(const sync_token&) const = default;
};

// `row`: whose position it is; a token of another row is as good as none.
std::string write_token(const sync_token&, const uuid& row, std::string_view key);
// What a token says, not yet believed.
std::optional<sync_token> claimed_token(std::string_view shown);
// Nothing for the store's tokens, those of other servers and what somebody changed: the device then starts from the root.
std::optional<sync_token> read_token(std::string_view shown, const uuid& row, std::string_view key);

}  // namespace carrel::kobo
