#pragma once
// Where a text is cut into sentences (kepub.md 6.2). Kobo spans are counted by these cuts, and positions on devices by the spans:
// another cut anywhere is another version of every converted book.

#include <cstddef>
#include <string_view>

namespace carrel::publication {

// Bytes of the first piece of a UTF-8 text: a sentence with the white space behind it, or all when there is no cut. Nothing is
// trimmed: the pieces of a text, one after the other, are the text.
std::size_t first_sentence(std::string_view text);

}  // namespace carrel::publication
