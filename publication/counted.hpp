#pragma once
// The characters by which a place in a text is counted (kosync.md 11.4). Like the normal text of a book (ingest.md 7.2) they are
// all but white space and what hyphenation and joining leave in words, so that two files of one content hash count alike; and
// without what a conversion to KEPUB takes out: characters that XML forbids, and U+FFFD. For the files of this folder only.

#include <cstdint>
#include <string_view>

#include "publication/unicode_tools.hpp"

namespace carrel::publication {

inline bool is_counted(UChar32 c) {
  if (c < 0x80) return c > ' ';
  return !is_ignored(c) && (c < 0xfffd || c > 0xffff);
}

inline std::uint64_t count_counted(std::string_view utf8) {
  std::uint64_t out = 0;
  for (std::size_t i = 0; i < utf8.size();) {
    std::size_t ascii = skip_ascii(utf8, i);
    for (; i < ascii; ++i) out += static_cast<unsigned>(utf8[i] > ' ');  // without a branch: blanks come irregularly
    if (i < utf8.size()) out += static_cast<unsigned>(is_counted(next_code_point(utf8, i)));
  }
  return out;
}

}  // namespace carrel::publication
