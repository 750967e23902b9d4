#pragma once
// The pages of a comic as apps turn them (opds.md 8.2). For the files of publication/ only.

#include <vector>

#include "publication/outline.hpp"
#include "publication/recognise.hpp"

namespace carrel::publication::comic {

struct page_list {
  std::vector<outline_item> pages;  // all pictures in their natural order, those that cannot be read included
  direction reading = direction::unknown;
};

// One walk through the archive. Refusals: those of open_parts and its walk, comic_no_pages.
result<page_list, refusal> list_pages(int descriptor, const recognised&, const limits&);

// The bytes of the part at that place, which has to have that name. Refusals besides: archive_entry_damaged.
result<std::string, refusal> read_part(int descriptor, const recognised&, const outline_item&, const limits&);

}  // namespace carrel::publication::comic
