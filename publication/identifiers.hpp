#pragma once
// Identifiers of a book (ingest.md 9.4).

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace carrel::publication {

using identifier_list = std::vector<std::pair<std::string, std::string>>;

// One dc:identifier. `scheme` is opf:scheme, `onix_type` the value of an identifier-type refinement of onix:codelist5. The first
// value of a scheme stays. False when the value claims to be an ISBN and is none.
bool add_identifier(identifier_list&, std::string_view text, std::string_view scheme, std::string_view onix_type);

bool is_asin(std::string_view);

}  // namespace carrel::publication
