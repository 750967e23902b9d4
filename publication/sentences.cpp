#include "publication/sentences.hpp"

#include <cstdint>
#include <cstring>

namespace carrel::publication {
namespace {

bool is_stop(char c) { return c == '.' || c == '!' || c == '?'; }

// Whether one of eight bytes is that character: the one that equals it is zero after the exclusive or, and only a zero borrows.
bool has(std::uint64_t eight, char c) {
  constexpr std::uint64_t ones = 0x0101010101010101u, tops = 0x8080808080808080u;
  std::uint64_t other = eight ^ (ones * static_cast<unsigned char>(c));
  return ((other - ones) & ~other & tops) != 0;
}

std::size_t next_stop(std::string_view s, std::size_t i) {
  std::uint64_t eight = 0;
  for (; i + sizeof eight <= s.size(); i += sizeof eight) {
    std::memcpy(&eight, s.data() + i, sizeof eight);
    if (has(eight, '.') || has(eight, '!') || has(eight, '?')) break;
  }
  while (i < s.size() && !is_stop(s[i])) ++i;
  return i;
}

bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\f' || c == '\r'; }

// Bytes of a mark that may stand between the stop and the blank: ' " ” ’ “ …   0: none is there.
std::size_t closing_mark(std::string_view s) {
  if (s.starts_with('\'') || s.starts_with('"')) return 1;
  for (std::string_view mark : {"\u201d", "\u2019", "\u201c", "\u2026"}) {
    if (s.starts_with(mark)) return mark.size();
  }
  return 0;
}

}  // namespace

std::size_t first_sentence(std::string_view s) {
  std::size_t i = 0;
  while (true) {
    i = next_stop(s, i);
    while (i < s.size() && is_stop(s[i])) ++i;
    if (i < s.size()) i += closing_mark(s.substr(i));
    if (i >= s.size()) return s.size();
    if (!is_blank(s[i])) continue;
    while (i < s.size() && is_blank(s[i])) ++i;
    return i;
  }
}

}  // namespace carrel::publication
