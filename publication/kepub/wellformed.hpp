#pragma once
// The last word about a document that was written (kepub.md 7.6).

#include <string_view>

namespace carrel::publication::kepub {

// As an XML parser sees it; reads nothing else than these bytes.
bool is_well_formed(std::string_view utf8);

}  // namespace carrel::publication::kepub
