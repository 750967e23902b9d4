#pragma once
// OPDS 1.2 (opds.md 5): the model appended to one buffer.

#include <string>

#include "opds/feed_model.hpp"

namespace carrel::opds {

std::string atom(const feed&);
std::string atom(const complete_entry&);

}  // namespace carrel::opds
