#pragma once
// OPDS 1.2 (opds.md 5): the model appended to one buffer.

#include <string>
#include <string_view>

#include "opds/feed_model.hpp"

namespace carrel::opds {

std::string atom(const feed&);
entry_text atom_entry(const book_entry&, std::string_view tag_scheme);
std::string atom(const complete_entry&);

}  // namespace carrel::opds
