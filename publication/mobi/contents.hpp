#pragma once
// What a book says, for its hash and its length (ingest.md 7.2, 9.8). For the files of this folder only.

#include <optional>
#include <string>

#include "publication/mobi/library.hpp"
#include "publication/open.hpp"

namespace carrel::publication::mobi {

struct contents {
  std::string hash;  // "" when not all of it could be read
  int pages = 0;     // 0: unknown
  std::size_t documents = 0;
};

contents read_contents(const palm_database&, const headers&, const told&, const std::optional<cover_image>&, const limits&,
                       std::vector<warning>&);

}  // namespace carrel::publication::mobi
