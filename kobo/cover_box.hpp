#pragma once
// Which rendition of a cover answers a request for a box (ingest.md 19.3).

#include "library/book.hpp"

namespace carrel::kobo {

// The longest edge, never more than fits: boxes that readers are known to ask for are met exactly, others by the next smaller of
// a few sizes, so that no device fills the cache with renditions of one cover.
int cover_edge(const library::cover_ref&, double box_width, double box_height);

}  // namespace carrel::kobo
