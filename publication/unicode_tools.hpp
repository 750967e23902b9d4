#pragma once
// ICU helpers shared by the text files of this folder; not for other folders.

#include <unicode/uchar.h>
#include <unicode/unistr.h>
#include <unicode/utf8.h>

#include <string>
#include <string_view>

namespace carrel::publication {

icu::UnicodeString to_utf16(std::string_view);  // invalid bytes become U+FFFD
std::string to_utf8(const icu::UnicodeString&);

inline bool is_ascii(std::string_view s) {
  for (char c : s) {
    if (static_cast<unsigned char>(c) >= 0x80) return false;
  }
  return true;
}

// The next code point of `s` at `i`; U+FFFD for an invalid sequence. `i` moves on by at least one byte.
inline UChar32 next_code_point(std::string_view s, std::size_t& i) {
  auto at = static_cast<int32_t>(i);
  UChar32 c = 0;
  U8_NEXT_OR_FFFD(reinterpret_cast<const uint8_t*>(s.data()), at, static_cast<int32_t>(s.size()), c);
  i = static_cast<std::size_t>(at);
  return c;
}

bool is_white_space(UChar32);
bool is_word_character(UChar32);  // letter, mark or decimal digit (7.3)
bool is_removed_mark(UChar32);    // the marks that fold() and sort_key() drop (7.3)
bool is_east_asian(UChar32);      // Han, Kana, Hangul
bool contains_east_asian(std::string_view);
std::string collapse_spaces(std::string_view);  // every run of White_Space one space, trimmed

// At most `bytes` bytes of valid UTF-8, at a grapheme cluster boundary.
std::string_view cut_at_grapheme(std::string_view, std::size_t bytes);

// NFKC, full case fold, NFD: what fold() and sort_key() begin with.
icu::UnicodeString fold_base(std::string_view);

std::string case_fold(std::string_view);  // for comparing names of archive entries

}  // namespace carrel::publication
