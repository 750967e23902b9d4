#pragma once
// What PostgreSQL takes as text. Internal to library/ and server/auth.

#include <string>
#include <string_view>

#include "server/core/json.hpp"
#include "server/core/text.hpp"

namespace carrel::library {

// Otherwise a statement fails (bad UTF-8) or silently sees only the part before the NUL.
inline bool storable(std::string_view s) { return s.find('\0') == std::string_view::npos && valid_utf8(s); }

// Text of others for notes and lists: control characters become blanks, at most `most` bytes.
inline std::string storable_note(std::string_view s, std::size_t most) {
  std::string out = replace_invalid_utf8(s.substr(0, 4 * most));
  for (char& c : out) {
    if (is_control(c)) c = ' ';
  }
  return std::string(cut_utf8(out, most));
}

// JSON for a jsonb column, which refuses U+0000.
inline std::string jsonb_text(const json::value& v) {
  std::string text = json::dump(v);
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    bool escape = text[i] == '\\';
    if (escape && text.compare(i, 6, "\\u0000") == 0) {
      i += 5;
      continue;
    }
    out += text[i];
    if (escape && i + 1 < text.size()) out += text[++i];
  }
  return out;
}

}  // namespace carrel::library
