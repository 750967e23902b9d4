#pragma once
// The text nodes and offsets of crengine, the engine of KOReader (kosync.md 11.3). For the files of this folder only.

#include <cstdint>
#include <string_view>
#include <vector>

#include "publication/locator/document.hpp"

namespace carrel::publication::locator {

// Of a text in which every run of blanks, tabs and line ends is one blank; not of a preformatted one, where all are kept.
std::uint64_t offset_of_byte(std::string_view raw, std::size_t byte, bool preformatted);
struct raw_place {
  std::size_t byte = 0;
  bool beyond = false;  // the text is shorter
};
raw_place byte_of_offset(std::string_view raw, std::uint64_t offset, bool preformatted);

// Only blanks, tabs and line ends: a no-break space is text.
bool is_blank_text(std::string_view raw);

// The element begins on a line of its own, as the style sheets of readers have it.
bool is_block(std::string_view name);

// The text nodes of an element that are left when those of blanks only at the start of a block or beside one are dropped.
std::vector<number> kept_texts(const document&, number parent);

// What text()[n] names among the children of this element does not depend on which of the rules a version of crengine has: no
// text is blank, cut by a comment, preformatted, or so long that it is stored in pieces.
bool has_certain_texts(const document&, number parent);

}  // namespace carrel::publication::locator
