#pragma once
// OPDS 2.0 (opds.md 9): the same model as JSON. What is not known is left out; there is no null, no empty text and no empty list
// but `groups` of a feed that holds nothing.

#include <string>
#include <string_view>

#include "opds/feed_model.hpp"

namespace carrel::opds {

std::string json_feed(const feed&);
// A publication, in a feed or by itself. `auth`: the address of the authentication document.
std::string json_publication(const book_entry&, std::string_view tag_scheme, const std::string& auth);

}  // namespace carrel::opds
