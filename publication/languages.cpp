// Language tags and names (ingest.md 17.3).

#include <unicode/locid.h>
#include <unicode/uloc.h>

#include <array>
#include <cstring>
#include <map>
#include <unordered_map>

#include "publication/unicode.hpp"
#include "publication/unicode_tools.hpp"
#include "server/core/text.hpp"

namespace carrel::publication {
namespace {

// The languages whose names are understood, by number of speakers and of books.
constexpr std::array<const char*, 66> named_languages{
    "en", "zh", "hi", "es", "fr", "ar", "bn", "pt", "ru", "ur",  "id", "de", "ja", "mr", "te", "tr", "ta",
    "vi", "ko", "it", "th", "gu", "fa", "pl", "pa", "uk", "ro",  "nl", "el", "hu", "cs", "sv", "ca", "he",
    "da", "fi", "no", "nb", "nn", "sk", "bg", "hr", "sr", "sl",  "lt", "lv", "et", "sq", "mk", "bs", "is",
    "ga", "cy", "eu", "gl", "la", "eo", "af", "sw", "ms", "fil", "ka", "hy", "az", "kk", "be"};

std::string display_name(const char* language, const char* in) {
  std::array<UChar, 128> buffer{};
  UErrorCode status = U_ZERO_ERROR;
  int32_t n = uloc_getDisplayLanguage(language, in, buffer.data(), static_cast<int32_t>(buffer.size()), &status);
  return U_SUCCESS(status) ? to_utf8(icu::UnicodeString(buffer.data(), n)) : std::string();
}

const std::unordered_map<std::string, std::string>& tags_by_name() {
  static const std::unordered_map<std::string, std::string> names = [] {
    std::unordered_map<std::string, std::string> out;
    for (const char* language : named_languages) {
      out.emplace(fold(display_name(language, "en")), language);
      out.emplace(fold(display_name(language, language)), language);
    }
    out.emplace("castilian", "es");
    out.emplace("farsi", "fa");
    out.emplace("mandarin", "zh");
    out.emplace("flemish", "nl");
    out.emplace("tagalog", "fil");
    return out;
  }();
  return names;
}

bool is_iso_639_1(std::string_view two) {
  constexpr std::size_t letters = 26;
  static const auto known = [] {
    std::array<bool, letters * letters> out{};
    for (const char* const* l = uloc_getISOLanguages(); *l != nullptr; ++l) {
      if (std::strlen(*l) == 2)
        out[static_cast<std::size_t>((*l)[0] - 'a') * letters + static_cast<std::size_t>((*l)[1] - 'a')] = true;
    }
    return out;
  }();
  return two.size() == 2 && two[0] >= 'a' && two[0] <= 'z' && two[1] >= 'a' && two[1] <= 'z' &&
         known[static_cast<std::size_t>(two[0] - 'a') * letters + static_cast<std::size_t>(two[1] - 'a')];
}

// Codes that ICU itself would replace by newer ones must take the long way.
bool is_old_code(std::string_view two) {
  return two == "iw" || two == "in" || two == "ji" || two == "jw" || two == "mo" || two == "sh" || two == "tl";
}

std::optional<std::string> canonical(const std::string& tag) {
  UErrorCode status = U_ZERO_ERROR;
  icu::Locale locale = icu::Locale::forLanguageTag(tag, status);
  if (U_FAILURE(status)) return std::nullopt;
  locale.canonicalize(status);
  if (U_FAILURE(status)) return std::nullopt;
  std::string_view language = locale.getLanguage();
  for (std::string_view none : {"", "und", "zxx", "mul", "mis"}) {
    if (language == none) return std::nullopt;
  }
  if (*locale.getISO3Language() == '\0' || (language.size() == 2 && !is_iso_639_1(language))) return std::nullopt;
  std::string out(language);
  if (*locale.getScript() != '\0') out += std::string("-") + locale.getScript();
  if (*locale.getCountry() != '\0') out += std::string("-") + locale.getCountry();
  return out;
}

}  // namespace

std::optional<std::string> language_tag(std::string_view in) {
  std::string tag(trim(in));
  if (tag.empty() || tag.size() > 64) return std::nullopt;
  if (is_ascii(tag)) {
    std::string lower = lower_ascii(tag);
    if (is_iso_639_1(lower) && !is_old_code(lower)) return lower;
    for (char& c : tag) {
      if (c == '_') c = '-';
    }
    while (tag.ends_with('-')) tag.pop_back();
    std::size_t primary = tag.find('-') == std::string::npos ? tag.size() : tag.find('-');
    if (primary == 2 || primary == 3) {
      if (auto found = canonical(tag)) return found;
    }
  }
  auto named = tags_by_name().find(fold(in));
  if (named == tags_by_name().end()) return std::nullopt;
  return named->second;
}

std::string language_name(std::string_view tag, std::string_view in_language) {
  std::string language(tag), in(in_language.empty() ? std::string_view("en") : in_language);
  std::array<UChar, 256> buffer{};
  UErrorCode status = U_ZERO_ERROR;
  std::string id = icu::Locale::forLanguageTag(language, status).getName();
  if (U_FAILURE(status) || id.empty()) return language;
  int32_t n = uloc_getDisplayName(id.c_str(), in.c_str(), buffer.data(), static_cast<int32_t>(buffer.size()), &status);
  if (U_FAILURE(status) || n <= 0) return language;
  return to_utf8(icu::UnicodeString(buffer.data(), n));
}

}  // namespace carrel::publication
