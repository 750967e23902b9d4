#pragma once
// ICU helpers shared by the text files of this folder; not for other folders.

#include <unicode/uchar.h>
#include <unicode/unistr.h>
#include <unicode/utf8.h>

#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

namespace carrel::publication {

icu::UnicodeString to_utf16(std::string_view);  // invalid bytes become U+FFFD
std::string to_utf8(const icu::UnicodeString&);

// Where the first byte that is not ASCII stands at or behind `from`; the size when there is none.
inline std::size_t skip_ascii(std::string_view s, std::size_t from = 0) {
  std::uint64_t eight = 0;
  while (from + sizeof eight <= s.size()) {
    std::memcpy(&eight, s.data() + from, sizeof eight);
    if ((eight & 0x8080808080808080u) != 0) break;
    from += sizeof eight;
  }
  while (from < s.size() && static_cast<unsigned char>(s[from]) < 0x80) ++from;
  return from;
}

inline bool is_ascii(std::string_view s) { return skip_ascii(s) == s.size(); }

bool valid_text(std::string_view);  // valid_utf8 for whole documents: quick where the text is mostly ASCII

// The next code point of `s` at `i`; U+FFFD for an invalid sequence. `i` moves on by at least one byte.
inline UChar32 next_code_point(std::string_view s, std::size_t& i) {
  auto at = static_cast<int32_t>(i);
  UChar32 c = 0;
  U8_NEXT_OR_FFFD(reinterpret_cast<const uint8_t*>(s.data()), at, static_cast<int32_t>(s.size()), c);
  i = static_cast<std::size_t>(at);
  return c;
}

// Unicode White_Space, which is a short and stable list (kepub.md 6.3).
inline bool is_white_space(UChar32 c) {
  if (c < 0x80) return c == ' ' || (c >= 9 && c <= 13);
  if (c < 0x2000) return c == 0x85 || c == 0xa0 || c == 0x1680;
  return c <= 0x200a || c == 0x2028 || c == 0x2029 || c == 0x202f || c == 0x205f || c == 0x3000;
}
// What the normal text of a book leaves out (ingest.md 7.2).
inline bool is_ignored(UChar32 c) {
  return is_white_space(c) || (c >= 0x1c && c <= 0x1f) || c == 0xad || (c >= 0x200b && c <= 0x200d) || c == 0xfeff;
}
bool is_word_character(UChar32);  // letter, mark or decimal digit (7.3)
bool is_removed_mark(UChar32);    // the marks that fold() and sort_key() drop (7.3)
// How Latin letters that have no mark to drop are written (17.8); empty for any other.
std::string_view latin_substitute(UChar32);
bool is_east_asian(UChar32);  // Han, Kana, Hangul
bool contains_east_asian(std::string_view);
std::string collapse_spaces(std::string_view);  // every run of White_Space one space, trimmed

// At most `bytes` bytes of valid UTF-8, at a grapheme cluster boundary.
std::string_view cut_at_grapheme(std::string_view, std::size_t bytes);

// NFKC, full case fold, NFD: what fold() and sort_key() begin with.
icu::UnicodeString fold_base(std::string_view);

}  // namespace carrel::publication
