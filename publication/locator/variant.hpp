#pragma once
// Positions in another variant of the same book: the KEPUB made of an EPUB, the file with other metadata, another edition
// (kosync.md 11.4).

#include <cstdint>
#include <functional>
#include <optional>

#include "publication/locator/position.hpp"

namespace carrel::publication::locator {

// Looks for the words around the position in a document of the target, near a place that is expected. See find_context.
struct context_match {
  std::uint64_t nw = 0;
  bool whole = false;
};
using context_search = std::function<std::optional<context_match>(std::size_t document, std::uint64_t expected)>;

// The same document and offset when its count is the same or within 1 % (then no better than `element`); the document is the one
// of the same href, or of the same index in a spine as long, when hrefs were renamed. Else by the words
// around it when they can be searched, else by the fraction of the document (`item`), else by that of the book (`fraction`).
// Without any document there is no position.
std::optional<position> moved(const position&, const measure& from, const measure& to, const context_search& = {});

}  // namespace carrel::publication::locator
