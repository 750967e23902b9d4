#pragma once
// Text rules that need Unicode tables (ingest.md 6.4, 7.3, 17). ICU stays behind this header.

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace carrel::publication {

std::string nfc(std::string_view);
std::string nfd(std::string_view);
std::u32string code_points(std::string_view);                     // U+FFFD for an invalid sequence
bool white_space(char32_t);                                       // Unicode White_Space
std::string case_fold(std::string_view);                          // full Unicode case folding
std::string fold(std::string_view);                               // 7.3
std::string sort_key(std::string_view);                           // 17.8
std::string clean_text(std::string_view, std::size_t max_bytes);  // 17.1; cut at a grapheme boundary
std::string clean_name(std::string_view);                         // 6.4, one path component
std::string download_name(std::string_view title, std::string_view first_author, std::string_view extension);  // opds.md 3.7
std::string title_sort(std::string_view title, std::string_view language);                                     // 17.6
std::string author_sort(std::string_view name);                                                                // 17.5
std::optional<std::string> language_tag(std::string_view);                                                     // 17.3
std::optional<std::string> date(std::string_view);                         // 17.4: YYYY, YYYY-MM, YYYY-MM-DD
std::string title_key(std::string_view title, std::string_view language);  // 7.3
std::string author_key(std::string_view name);                             // 7.3
std::string dup_key(std::string_view title, std::string_view language, std::string_view first_author);  // 16 raw bytes
std::string index_letter(std::string_view sort_key);  // opds.md 12.2: "A".."Z", "#", or the first character
std::string ascii_name(std::string_view);             // transliterated for filename="" (opds.md 3.7)
std::string ascii_slug(std::string_view file_name);   // without its extension, for addresses: a-z, 0-9 and dashes; never empty
std::vector<std::string> words(
    std::string_view folded);  // of fold()ed text; splits scripts without blanks into single characters
std::string language_name(std::string_view tag, std::string_view in_language);  // "German"

// A place in a series: "2.2.1" counts as 2.2; nothing when it does not begin with digits (9.3).
std::optional<double> series_number(std::string_view);

// ISBN: digits and X, checked; both forms where there are two (9.4).
struct isbn {
  std::string isbn_13, isbn_10;
};
std::optional<isbn> parse_isbn(std::string_view);

}  // namespace carrel::publication
