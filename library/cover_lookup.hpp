#pragma once
// Many covers at once: a reading app asks for those of a whole page together.

#include <optional>
#include <vector>

#include "library/book.hpp"

namespace carrel::library {

struct cover_question {
  std::optional<uuid> viewer;  // none: whoever asks was given a link that is good for anybody
  uuid book;
};
// One answer for each, in order; nothing where the account may not see the book.
std::vector<std::optional<cover_ref>> find_covers(db::tx&, const std::vector<cover_question>&);

}  // namespace carrel::library
