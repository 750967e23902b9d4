#pragma once
// Which parts of an archive are pages, in which order, and what else of it is wanted (ingest.md 7.2, 10.3). For the files of this
// folder only.

#include <string>
#include <string_view>
#include <vector>

#include "publication/comic/parts.hpp"

namespace carrel::publication::comic {

struct page {
  std::string name;
  std::string digest;        // SHA-256, raw; "" when the page is damaged
  std::size_t position = 0;  // among the parts of the archive
};

// What one walk through an archive finds.
struct contents {
  std::vector<page> pages;  // in their natural order
  std::optional<std::string> comic_info;
  // Bytes of pages that may be the cover, kept so that the archive need not be read again: the first page, and the first that is
  // named so.
  struct kept {
    std::string name, bytes;
    std::size_t position = 0;
  };
  std::optional<kept> first, named;
};

// Refusals: those of the parts, archive_entry_too_large, xml_too_large, archive_entry_damaged when not one page can be read.
result<contents, refusal> gather(parts&, const limits&, std::vector<warning>&);

bool is_page_name(std::string_view name);
bool is_cover_name(std::string_view name);  // at the top level, with the stem of a cover
bool in_page_order(const std::string& one, const std::string& other);
std::string hash_of(const std::vector<page>&);  // "" when a page is damaged

}  // namespace carrel::publication::comic
