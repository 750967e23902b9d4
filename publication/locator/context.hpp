#pragma once
// The words around a position: to show, and to find the place again where the counts differ (kosync.md 11.4). For the files of
// this folder and tests.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "publication/locator/document.hpp"

namespace carrel::publication::locator {

struct context {
  std::string before, after;  // about 32 characters, blanks collapsed and trimmed
};
context context_at(const document&, std::uint64_t nw);

std::string squeezed(std::string_view);  // the characters that count (counted.hpp)

struct found_context {
  std::uint64_t nw = 0;
  bool whole = false;  // both sides were found, not only one of them
};

// Between `before` and `after`, where they stand nearest to the expected place. White space does not matter. Fewer than eight
// counted characters are no context: they stand everywhere.
std::optional<found_context> find_context(const document&, std::string_view before, std::string_view after,
                                          std::uint64_t expected);

}  // namespace carrel::publication::locator
