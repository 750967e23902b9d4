// Names of files: path components, downloads, ASCII forms (ingest.md 6.4, opds.md 3.7).

#include <unicode/translit.h>
#include <unicode/uscript.h>

#include <array>
#include <memory>

#include "publication/unicode.hpp"
#include "publication/unicode_tools.hpp"
#include "server/core/error.hpp"
#include "server/core/text.hpp"

namespace carrel::publication {
namespace {

bool is_dropped_from_names(UChar32 c) {
  if (c < 0x20 || (c >= 0x7f && c <= 0x9f)) return true;
  if (c < 0x200b) return false;
  if (c <= 0x200f || (c >= 0x202a && c <= 0x202e) || (c >= 0x2060 && c <= 0x2069) || c == 0xfeff ||
      (c >= 0xfff9 && c <= 0xfffb)) {
    return true;
  }
  return (U_MASK(u_charType(c)) & (U_GC_CN_MASK | U_GC_CO_MASK | U_GC_CS_MASK)) != 0;
}

bool is_unassigned(UChar32 c) { return c >= 0x80 && (U_MASK(u_charType(c)) & (U_GC_CN_MASK | U_GC_CO_MASK)) != 0; }

void trim_name(std::string& s) {
  std::size_t first = s.find_first_not_of(". ");
  s.erase(0, std::min(first, s.size()));
  while (!s.empty() && (s.back() == '.' || s.back() == ' ')) s.pop_back();
}

bool is_device_name(std::string_view name) {
  std::string stem = lower_ascii(name.substr(0, name.find('.')));
  while (!stem.empty() && stem.back() == ' ') stem.pop_back();
  for (std::string_view reserved : {"con", "prn", "aux", "nul", "conin$", "conout$"}) {
    if (stem == reserved) return true;
  }
  if (!stem.starts_with("com") && !stem.starts_with("lpt")) return false;
  std::string_view number = std::string_view(stem).substr(3);
  return (number.size() == 1 && number[0] >= '0' && number[0] <= '9') || number == "¹" || number == "²" || number == "³";
}

// A reserved name stays reserved with an extension, so the mark goes before it.
void escape_device_name(std::string& s) {
  if (is_device_name(s)) s.insert(std::min(s.find('.'), s.size()), "_");
}

std::unique_ptr<icu::Transliterator> transliterator(const char* rules) {
  UErrorCode status = U_ZERO_ERROR;
  std::unique_ptr<icu::Transliterator> t(icu::Transliterator::createInstance(rules, UTRANS_FORWARD, status));
  CARREL_EXPECT(U_SUCCESS(status) && t != nullptr);
  return t;
}

bool is_latin(std::string_view text) {
  for (std::size_t i = 0; i < text.size();) {
    UErrorCode status = U_ZERO_ERROR;
    UScriptCode script = uscript_getScript(next_code_point(text, i), &status);
    if (script != USCRIPT_LATIN && script != USCRIPT_COMMON && script != USCRIPT_INHERITED) return false;
  }
  return true;
}

// Rules for every script of the world are tried at each character; a name in Latin letters needs few of them.
const icu::Transliterator& ascii_rules(std::string_view text) {
  static const std::unique_ptr<icu::Transliterator> any = transliterator("Any-Latin; Latin-ASCII"),
                                                    latin = transliterator("Latin-ASCII");
  return is_latin(text) ? *latin : *any;
}

}  // namespace

std::string clean_name(std::string_view in) {
  std::string composed = nfc(replace_invalid_utf8(in));
  std::string out;
  for (std::size_t i = 0; i < composed.size();) {
    std::size_t from = i;
    UChar32 c = next_code_point(composed, i);
    if (is_white_space(c)) {
      out += ' ';
      continue;
    }
    if (is_dropped_from_names(c) || is_unassigned(c)) continue;
    switch (c) {
      case 0xfffd: out += '_'; break;
      case '/':
      case '\\':
      case '|': out += '-'; break;
      case ':': out += " -"; break;
      case '*': out += '_'; break;
      case '?': break;
      case '"': out += '\''; break;
      case '<': out += '('; break;
      case '>': out += ')'; break;
      default: out.append(composed, from, i - from);
    }
  }
  out = collapse_spaces(out);
  trim_name(out);
  if (out.empty()) out = "_";
  escape_device_name(out);
  constexpr std::size_t longest = 180;
  if (out.size() > longest) {
    out.resize(cut_at_grapheme(out, longest).size());
    trim_name(out);
  }
  if (out.starts_with('-')) out.insert(0, "_");
  return out;
}

std::string download_name(std::string_view title, std::string_view first_author, std::string_view extension) {
  std::string text(title);
  if (!first_author.empty()) text += (text.empty() ? "" : " - ") + std::string(first_author);
  text = nfc(replace_invalid_utf8(text));
  std::string base;
  constexpr std::string_view forbidden = "/\\:*?\"<>|%;#";
  for (std::size_t i = 0; i < text.size();) {
    std::size_t from = i;
    UChar32 c = next_code_point(text, i);
    if (is_white_space(c) || (c < 0x80 && forbidden.find(static_cast<char>(c)) != std::string_view::npos)) {
      base += ' ';
    } else if (c == 0x200c || c == 0x200d || !is_dropped_from_names(c)) {
      base.append(text, from, i - from);
    }
  }
  base = collapse_spaces(base);
  trim_name(base);
  base.resize(cut_at_grapheme(base, 120).size());
  trim_name(base);
  if (base.empty()) base = "book";
  if (extension.empty()) return base;
  return base + (extension.front() == '.' ? "" : ".") + std::string(extension);
}

std::string ascii_name(std::string_view in) {
  std::string latin;
  if (is_ascii(in)) {
    latin = in;
  } else {
    icu::UnicodeString u = to_utf16(in);
    ascii_rules(in).transliterate(u);
    latin = to_utf8(u);
  }
  std::string out;
  for (std::size_t i = 0; i < latin.size();) {
    UChar32 c = next_code_point(latin, i);
    bool plain = c >= 0x20 && c < 0x7f && c != '"' && c != '\\' && c != ';' && c != '%';
    out += plain ? static_cast<char>(c) : '_';
  }
  return out;
}

std::string ascii_slug(std::string_view file_name) {
  constexpr std::size_t longest = 80;
  std::string out;
  for (char c : lower_ascii(ascii_name(file_name.substr(0, file_name.rfind('.'))))) {
    if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'))
      out += c;
    else if (c != '\'' && !out.empty() && out.back() != '-')
      out += '-';
  }
  out.resize(std::min(out.size(), longest));
  while (out.ends_with('-')) out.pop_back();
  return out.empty() ? "book" : out;
}

}  // namespace carrel::publication
