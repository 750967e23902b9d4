#include "publication/unicode.hpp"

#include <unicode/brkiter.h>
#include <unicode/bytestream.h>
#include <unicode/normalizer2.h>

#include <array>
#include <memory>

#include "publication/entities.hpp"
#include "publication/unicode_tools.hpp"
#include "server/core/error.hpp"
#include "server/core/text.hpp"

namespace carrel::publication {
namespace {

using getter = const icu::Normalizer2* (*)(UErrorCode&);

const icu::Normalizer2& instance(getter get) {
  UErrorCode status = U_ZERO_ERROR;
  const icu::Normalizer2* n = get(status);
  CARREL_EXPECT(U_SUCCESS(status) && n != nullptr);
  return *n;
}

const icu::Normalizer2& nfc_rules() {
  static const icu::Normalizer2& n = instance(&icu::Normalizer2::getNFCInstance);
  return n;
}
const icu::Normalizer2& nfd_rules() {
  static const icu::Normalizer2& n = instance(&icu::Normalizer2::getNFDInstance);
  return n;
}
const icu::Normalizer2& nfkc_rules() {
  static const icu::Normalizer2& n = instance(&icu::Normalizer2::getNFKCInstance);
  return n;
}

icu::UnicodeString normalized(const icu::Normalizer2& rules, const icu::UnicodeString& in) {
  UErrorCode status = U_ZERO_ERROR;
  icu::UnicodeString out = rules.normalize(in, status);
  return U_SUCCESS(status) ? out : in;
}

std::string normalized_utf8(const icu::Normalizer2& rules, std::string_view in) {
  if (is_ascii(in)) return std::string(in);
  UErrorCode status = U_ZERO_ERROR;
  std::string out;
  icu::StringByteSink<std::string> sink(&out, static_cast<int32_t>(in.size()));
  rules.normalizeUTF8(0, icu::StringPiece(in.data(), static_cast<int32_t>(in.size())), sink, nullptr, status);
  return U_SUCCESS(status) ? out : std::string(in);
}

bool is_cleaned_away(UChar32 c) {
  if (c < 0x20) return c != '\t' && c != '\n';
  if (c >= 0x7f && c < 0xa0) return true;
  return c == 0x200e || c == 0x200f || (c >= 0x202a && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069) || c == 0xfeff;
}

// Text without anything to clean or normalise, which is most of what comes.
bool is_clean_ascii(std::string_view s) {
  char before = ' ';
  for (char c : s) {
    if (c < 0x20 || c == 0x7f || c == '&' || static_cast<unsigned char>(c) >= 0x80) return false;
    if (c == ' ' && before == ' ') return false;
    before = c;
  }
  return s.empty() || before != ' ';
}

bool has_script_without_blanks(UChar32 c) {
  if (c < 0x0e00) return false;
  return (c >= 0x0e00 && c <= 0x0eff) || (c >= 0x1000 && c <= 0x109f) || (c >= 0x1780 && c <= 0x17ff) ||
         (c >= 0x3040 && c <= 0x30ff) || u_hasBinaryProperty(c, UCHAR_IDEOGRAPHIC);
}

}  // namespace

icu::UnicodeString to_utf16(std::string_view s) {
  return icu::UnicodeString::fromUTF8(icu::StringPiece(s.data(), static_cast<int32_t>(s.size())));
}

std::string to_utf8(const icu::UnicodeString& s) {
  std::string out;
  s.toUTF8String(out);
  return out;
}

bool valid_text(std::string_view s) {
  for (std::size_t i = skip_ascii(s); i < s.size(); i = skip_ascii(s, i)) {
    auto at = static_cast<int32_t>(i);
    UChar32 c = 0;
    U8_NEXT(reinterpret_cast<const uint8_t*>(s.data()), at, static_cast<int32_t>(s.size()), c);
    if (c < 0) return false;
    i = static_cast<std::size_t>(at);
  }
  return true;
}

bool is_word_character(UChar32 c) {
  if (c < 0x80) return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
  return (U_MASK(u_charType(c)) & (U_GC_L_MASK | U_GC_M_MASK | U_GC_ND_MASK)) != 0;
}

bool is_removed_mark(UChar32 c) {
  if (c < 0x0300) return false;
  return c <= 0x036f || (c >= 0x0591 && c <= 0x05c7) || (c >= 0x0610 && c <= 0x061a) || (c >= 0x064b && c <= 0x065f) ||
         c == 0x0670 || (c >= 0x06d6 && c <= 0x06ed);
}

bool is_east_asian(UChar32 c) {
  if (c < 0x1100) return false;
  return (c >= 0x1100 && c <= 0x11ff) || (c >= 0x3040 && c <= 0x30ff) || (c >= 0x3130 && c <= 0x318f) ||
         (c >= 0x31f0 && c <= 0x31ff) || (c >= 0xac00 && c <= 0xd7af) || u_hasBinaryProperty(c, UCHAR_IDEOGRAPHIC);
}

bool contains_east_asian(std::string_view s) {
  for (std::size_t i = 0; i < s.size();) {
    if (is_east_asian(next_code_point(s, i))) return true;
  }
  return false;
}

std::string collapse_spaces(std::string_view s) {
  std::string out;
  out.reserve(s.size());
  bool gap = false;
  for (std::size_t i = 0; i < s.size();) {
    std::size_t from = i;
    if (is_white_space(next_code_point(s, i))) {
      gap = true;
      continue;
    }
    if (gap && !out.empty()) out += ' ';
    gap = false;
    out.append(s.substr(from, i - from));
  }
  return out;
}

std::string_view cut_at_grapheme(std::string_view s, std::size_t bytes) {
  if (s.size() <= bytes) return s;
  std::string_view limited = cut_utf8(s, bytes);
  // Only the last stretch matters: a cluster longer than this is an attack and is cut at a code point.
  constexpr std::size_t window = 256;
  std::size_t start = limited.size() > window ? cut_utf8(limited, limited.size() - window).size() : 0;
  icu::UnicodeString tail = to_utf16(cut_utf8(s.substr(start), window + 64));
  int32_t wanted = to_utf16(limited.substr(start)).length();

  thread_local std::unique_ptr<icu::BreakIterator> clusters = [] {
    UErrorCode status = U_ZERO_ERROR;
    std::unique_ptr<icu::BreakIterator> made(icu::BreakIterator::createCharacterInstance(icu::Locale::getRoot(), status));
    CARREL_EXPECT(U_SUCCESS(status) && made != nullptr);
    return made;
  }();
  clusters->setText(tail);
  int32_t at = clusters->isBoundary(wanted) ? wanted : clusters->preceding(wanted);
  if (at <= 0) return limited;
  return s.substr(0, start + to_utf8(tail.tempSubString(0, at)).size());
}

icu::UnicodeString fold_base(std::string_view s) {
  icu::UnicodeString u = normalized(nfkc_rules(), to_utf16(s));
  u.foldCase();
  return normalized(nfd_rules(), u);
}

std::string case_fold(std::string_view s) {
  if (is_ascii(s)) return lower_ascii(s);
  icu::UnicodeString u = to_utf16(s);
  u.foldCase();
  return to_utf8(normalized(nfc_rules(), u));
}

std::u32string code_points(std::string_view s) {
  std::u32string out;
  for (std::size_t i = 0; i < s.size();) out += static_cast<char32_t>(next_code_point(s, i));
  return out;
}

bool white_space(char32_t c) { return is_white_space(static_cast<UChar32>(c)); }

std::string nfc(std::string_view s) { return normalized_utf8(nfc_rules(), s); }
std::string nfd(std::string_view s) { return normalized_utf8(nfd_rules(), s); }

std::string fold(std::string_view s) {
  std::string out;
  out.reserve(s.size());
  if (is_ascii(s)) {
    for (char c : s) {
      if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + 32);
      if (is_word_character(c)) {
        out += c;
      } else if (!out.empty() && out.back() != ' ') {
        out += ' ';
      }
    }
  } else {
    icu::UnicodeString base = fold_base(s);
    icu::UnicodeString kept;
    for (int32_t i = 0; i < base.length(); i = base.moveIndex32(i, 1)) {
      UChar32 c = base.char32At(i);
      if (is_removed_mark(c)) continue;
      if (is_word_character(c)) {
        kept.append(c);
      } else if (!kept.isEmpty() && kept.charAt(kept.length() - 1) != u' ') {
        kept.append(u' ');
      }
    }
    out = to_utf8(normalized(nfc_rules(), kept));
  }
  while (!out.empty() && out.back() == ' ') out.pop_back();
  return out;
}

std::string clean_text(std::string_view s, std::size_t max_bytes) {
  if (is_clean_ascii(s))
    return std::string(s.substr(0, s.find_last_not_of(' ', max_bytes == 0 ? 0 : max_bytes - 1) + 1)).substr(0, max_bytes);
  std::string decoded;
  if (s.find('&') != std::string_view::npos) {
    decoded = decode_references(s);
    if (decoded.find('<') == std::string::npos) s = decoded;
  }
  std::string kept;
  kept.reserve(s.size());
  bool replaced = false;
  for (std::size_t i = 0; i < s.size();) {
    UChar32 c = next_code_point(s, i);
    if (is_cleaned_away(c)) continue;
    bool replacement = c == 0xfffd;
    if (replacement && replaced) continue;
    replaced = replacement;
    append_utf8(kept, static_cast<char32_t>(c));
  }
  std::string out = collapse_spaces(nfc(kept));
  if (out.size() > max_bytes) {
    out.resize(cut_at_grapheme(out, max_bytes).size());
    while (!out.empty() && out.back() == ' ') out.pop_back();
  }
  return out;
}

std::vector<std::string> words(std::string_view folded) {
  std::vector<std::string> out;
  bool open = false;
  for (std::size_t i = 0; i < folded.size();) {
    std::size_t from = i;
    UChar32 c = next_code_point(folded, i);
    if (c == ' ') {
      open = false;
    } else if (has_script_without_blanks(c) && (U_MASK(u_charType(c)) & U_GC_M_MASK) == 0) {
      out.emplace_back(folded.substr(from, i - from));
      open = false;
    } else if (open || (!out.empty() && from > 0 && folded[from - 1] != ' ' && (U_MASK(u_charType(c)) & U_GC_M_MASK) != 0)) {
      out.back().append(folded.substr(from, i - from));  // a mark belongs to the character before it
    } else {
      out.emplace_back(folded.substr(from, i - from));
      open = true;
    }
  }
  return out;
}

}  // namespace carrel::publication
