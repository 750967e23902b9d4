#pragma once
// Against a reader that is emptied by mistake (kobo.md 17.2): books that vanish from the library in great number, although nobody
// took them off the shelves that feed the device, stay on it for a day or until its owner agrees.

#include <vector>

#include "kobo/sessions.hpp"

namespace carrel::kobo {

// Of the books that would be removed from a device that holds `held`, those that must stay for now; none when it is all right.
// Remembers since when.
std::vector<uuid> guarded_books(db::tx&, const kobo_row&, const std::vector<uuid>& removed, std::size_t held);

}  // namespace carrel::kobo
