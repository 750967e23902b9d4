#include "publication/locator/context.hpp"

#include <algorithm>
#include <utility>

#include "publication/counted.hpp"
#include "server/core/text.hpp"

namespace carrel::publication::locator {
namespace {

constexpr int shown = 32;
constexpr std::uint64_t fewest = 8, most = 64;  // counted characters of one side that are searched for
constexpr std::size_t farthest = 8 << 10;       // bytes that are looked at for one side: indentation may be long

bool begins_character(char c) { return (static_cast<unsigned char>(c) & 0xc0) != 0x80; }

std::string_view last_characters(std::string_view s, std::uint64_t count) {
  std::size_t from = s.size();
  while (from > 0 && count > 0) {
    if (begins_character(s[--from])) --count;
  }
  return s.substr(from);
}

std::string_view first_characters(std::string_view s, std::uint64_t count) {
  std::size_t to = 0;
  while (to < s.size() && (count > 0 || !begins_character(s[to]))) {
    if (begins_character(s[to++])) --count;
  }
  return s.substr(0, to);
}

// 0 for a blank beside the one that was looked at before.
int counts_as_shown(std::string_view s, std::size_t at, bool& blank) {
  bool again = std::exchange(blank, is_white_space(next_code_point(s, at)));
  return again && blank ? 0 : 1;
}

std::uint64_t distance(std::uint64_t a, std::uint64_t b) { return a < b ? b - a : a - b; }

// The place `into` bytes behind the beginning of the occurrence that is nearest to the expected one.
std::optional<std::uint64_t> nearest(std::string_view text, std::string_view wanted, std::size_t into, std::uint64_t expected) {
  std::optional<std::uint64_t> best;
  std::uint64_t nw = 0;
  std::size_t counted = 0;
  for (std::size_t at = text.find(wanted); at != text.npos; at = text.find(wanted, at + 1)) {
    nw += count_code_points(text.substr(counted, at + into - counted));
    counted = at + into;
    if (best && distance(nw, expected) > distance(*best, expected)) break;
    best = nw;
  }
  return best;
}

}  // namespace

std::string squeezed(std::string_view s) {
  std::string out;
  out.reserve(s.size());
  for (std::size_t i = 0; i < s.size();) {
    std::size_t from = i;
    if (is_counted(next_code_point(s, i))) out += s.substr(from, i - from);
  }
  return out;
}

context context_at(const document& d, std::uint64_t nw) {
  std::optional<spot> s = d.at(nw);
  if (!s) return {};
  std::string_view all = d.raw();
  std::size_t at = d.texts()[s->text].begin + s->byte, from = at, to = at;
  bool blank = false;
  for (int left = shown; left > 0 && from > 0 && at - from < farthest;) {
    do --from;
    while (from > 0 && !begins_character(all[from]));
    left -= counts_as_shown(all, from, blank);
  }
  blank = false;
  for (int left = shown; left > 0 && to < all.size() && to - at < farthest;) {
    left -= counts_as_shown(all, to, blank);
    next_code_point(all, to);
  }
  return {.before = collapse_spaces(all.substr(from, at - from)), .after = collapse_spaces(all.substr(at, to - at))};
}

std::optional<found_context> find_context(const document& d, std::string_view before, std::string_view after,
                                          std::uint64_t expected) {
  std::string left = squeezed(before), right = squeezed(after);
  left = last_characters(left, most);
  right = first_characters(right, most);
  std::uint64_t has_left = count_code_points(left), has_right = count_code_points(right);
  if (has_left + has_right < fewest) return std::nullopt;
  std::string text = squeezed(d.raw());
  if (std::optional<std::uint64_t> nw = nearest(text, left + right, left.size(), expected))
    return found_context{.nw = *nw, .whole = true};
  if (has_right >= fewest) {
    if (std::optional<std::uint64_t> nw = nearest(text, right, 0, expected)) return found_context{.nw = *nw};
  }
  if (has_left >= fewest) {
    if (std::optional<std::uint64_t> nw = nearest(text, left, left.size(), expected)) return found_context{.nw = *nw};
  }
  return std::nullopt;
}

}  // namespace carrel::publication::locator
