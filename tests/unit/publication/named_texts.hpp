#pragma once
// The texts of a document and what KOReader calls them, made from the tree alone by the words of kosync.md 11.3: what the code is
// compared with.

#include <cstdint>
#include <pugixml.hpp>
#include <string>
#include <vector>

namespace carrel::publication::test {

// A text node as KOReader would name it; made from the tree alone, by the words of the specification.
struct named_text {
  std::string path;      // with text()[n], without an offset; "" when KOReader has no such node
  bool certain = false;  // no rule of 11.3 that is in doubt decides the number
  bool preformatted = false;
  std::u32string raw;
  std::uint64_t nw = 0;  // in front of it
};

bool counts(char32_t);  // for a place (11.4)

// All below `body`, whose own path is given.
std::vector<named_text> named_texts(const pugi::xml_node& body, const std::string& path);

// With the offset of the character of this number.
std::string pointer_to(const named_text&, std::size_t character);

// Of the counted characters of a text the first, the middle and the last.
std::vector<std::size_t> places_in(const std::u32string& raw);

}  // namespace carrel::publication::test
