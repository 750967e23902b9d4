#pragma once
// Passages of a converted book by their words, placed as a Kobo places highlights: by spans and the characters in them (kobo.md
// 15). It reads files of others: for the isolated process, and tests.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "publication/locator/book.hpp"

namespace carrel::publication::locator {

// An end of a passage. Characters are UTF-16 units of the span's text, as the ends of a range of a DOM are counted; the last one
// is behind the passage.
struct quote_end {
  std::string span;
  std::uint64_t character = 0;
  bool operator==(const quote_end&) const = default;
};

struct found_quote {
  std::string href;     // of its document, in the archive
  double progress = 0;  // of its beginning in that, 0 to 1
  quote_end first, last;
  bool operator==(const found_quote&) const = default;
};

// Of each passage where it stands; nothing where it stands nowhere, more than once, across documents, or not in spans. White
// space does not matter.
std::vector<std::optional<found_quote>> find_quotes(book&, const std::vector<std::string>& quotes);

}  // namespace carrel::publication::locator
