#include "publication/search_fold.hpp"

#include "publication/unicode.hpp"
#include "publication/unicode_tools.hpp"
#include "server/core/text.hpp"

namespace carrel::publication {
namespace {

bool is_hebrew_sign(UChar32 c) { return c == 0x05be || c == 0x05c0 || c == 0x05c3 || c == 0x05c6; }

bool is_dropped(UChar32 c) { return c == 0x0345 || c == 0x0640; }

// One letter that is written in several ways, by keyboard and by country.
UChar32 arabic_letter(UChar32 c) {
  switch (c) {
    case 0x0671: return 0x0627;  // alef
    case 0x0649:
    case 0x06cc: return 0x064a;  // yeh
    case 0x06a9: return 0x0643;  // kaf
    case 0x0629:
    case 0x06c1:
    case 0x06d5: return 0x0647;  // heh
    default: return c;
  }
}

// What fold() would keep, or join to the word beside it. Its marks stand alone before case is folded: the iota below a Greek
// vowel would become a letter.
std::string prepared(std::string_view s) {
  std::string apart = nfd(s), out;
  out.reserve(apart.size());
  for (std::size_t i = 0; i < apart.size();) {
    UChar32 c = next_code_point(apart, i);
    if (is_dropped(c)) continue;
    append_utf8(out, is_hebrew_sign(c) ? U' ' : static_cast<char32_t>(c));
  }
  return out;
}

}  // namespace

std::string search_fold(std::string_view s) {
  if (is_ascii(s)) return fold(s);
  std::string folded = fold(prepared(s)), out;
  out.reserve(folded.size());
  for (std::size_t i = 0; i < folded.size();) {
    UChar32 c = next_code_point(folded, i);
    if (std::string_view latin = latin_substitute(c); !latin.empty()) {
      out += latin;
    } else if (u_charType(c) == U_DECIMAL_DIGIT_NUMBER) {
      out += static_cast<char>('0' + u_charDigitValue(c));
    } else {
      append_utf8(out, static_cast<char32_t>(arabic_letter(c)));
    }
  }
  return out;
}

std::vector<std::string> search_words_in(std::string_view s) { return words(search_fold(s)); }

std::size_t shortest_prefix(std::string_view word) {
  std::size_t i = 0;
  UChar32 first = word.empty() ? 0 : next_code_point(word, i);
  if (!is_east_asian(first)) return 3;
  bool is_hangul = (first >= 0x1100 && first <= 0x11ff) || (first >= 0x3130 && first <= 0x318f) || first >= 0xac00;
  return is_hangul && u_hasBinaryProperty(first, UCHAR_IDEOGRAPHIC) == 0 ? 2 : 1;
}

}  // namespace carrel::publication
