#pragma once
// ComicInfo.xml (ingest.md 10.4). For the files of this folder only.

#include <cstddef>
#include <string_view>
#include <vector>

#include "publication/metadata.hpp"
#include "server/core/error.hpp"

namespace carrel::publication::comic {

struct comic_info {
  metadata about;
  // Of pages in their natural order, from 0.
  std::vector<std::size_t> front_covers, deleted;
};

// Refusals: xml_too_deep, xml_too_large. What declares entities says nothing and is warned about.
result<comic_info, refusal> read_comic_info(std::string_view bytes, int depth, std::vector<warning>&);

}  // namespace carrel::publication::comic
