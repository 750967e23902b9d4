#pragma once
// The model in the form in which it was asked for. Internal to opds.

#include <string>

#include "opds/visit.hpp"

namespace carrel::opds {

std::string written(const visit&, const feed&);
std::string written(const visit&, const complete_entry&);
entry_text written(const visit&, const book_entry&);  // as it stands in a feed

}  // namespace carrel::opds
