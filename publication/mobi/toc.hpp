#pragma once
// The table of contents of a book (ingest.md 9.7, 12). For the files of this folder only.

#include <vector>

#include "publication/mobi/library.hpp"

namespace carrel::publication::mobi {

// Hrefs are those that the text of such a book has itself: "kindle:pos:fid:...", or "filepos:..." of older ones. A damaged
// one is none.
std::vector<toc_entry> read_toc(const palm_database&, const headers&, const told&);

}  // namespace carrel::publication::mobi
