#pragma once
// Bytes and UTF-8. Anything that needs Unicode tables (folding, NFC) is in library/ and publication/, which link ICU.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace carrel {

bool valid_utf8(std::string_view);
std::string replace_invalid_utf8(std::string_view);  // each bad sequence becomes U+FFFD
std::size_t count_code_points(std::string_view);     // of valid UTF-8

// At most `bytes` bytes, never in the middle of a code point.
std::string_view cut_utf8(std::string_view, std::size_t bytes);

void append_utf8(std::string& out, char32_t);

bool is_control(char);                    // C0 or DEL
std::string_view trim(std::string_view);  // ASCII blanks and line ends
std::string lower_ascii(std::string_view);
bool equal_ascii_case(std::string_view, std::string_view);
std::vector<std::string> split(std::string_view, char separator);  // parts are trimmed, empty parts kept
std::string join(const std::vector<std::string>&, std::string_view separator);

// XML 1.0 text and attributes (opds.md 5.2): forbidden characters are dropped, & < > and in attributes " and line ends escaped.
void append_xml_text(std::string& out, std::string_view);
void append_xml_attribute(std::string& out, std::string_view);
std::string html_escape(std::string_view);

// Everything but A-Z a-z 0-9 - . _ ~ is encoded, so the result is a path segment and a query value alike (opds.md 2.5).
std::string percent_encode(std::string_view);
// nullopt for a broken escape. With `plus_is_space`, as query values have it.
std::optional<std::string> percent_decode(std::string_view, bool plus_is_space = false);

int hex_value(char);                      // of a digit; -1 when it is none
std::string hex(std::string_view bytes);  // lower case
std::optional<std::string> unhex(std::string_view);
std::string base64(std::string_view);
std::string base64url(std::string_view);                     // no padding
std::optional<std::string> base64_decode(std::string_view);  // both alphabets, padding optional

std::optional<std::int64_t> to_integer(std::string_view);  // the whole text, base 10
std::optional<double> to_double(std::string_view);         // the whole text; finite
std::string shortest(double);                              // shortest text that reads back as the same double

}  // namespace carrel
