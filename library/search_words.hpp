#pragma once
// From what people type to a tsquery. Internal to library/.

#include <string>
#include <string_view>

namespace carrel::library {

// All words must match; quoted words follow each other; the last word matches as a prefix from three letters on (opds.md 6.4).
// `weights` narrows to parts of a book: A title, B people, C series and tags, D publisher and identifiers. "" when no word is
// left. At most 256 characters and 16 words are looked at.
std::string search_words(std::string_view typed, std::string_view weights = "");

}  // namespace carrel::library
