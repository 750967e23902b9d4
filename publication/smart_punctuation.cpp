#include "publication/smart_punctuation.hpp"

#include <array>

#include "publication/unicode_tools.hpp"
#include "server/core/text.hpp"

namespace carrel::publication {
namespace {

struct sign {
  std::string_view typed, printed;
};
// The longer ones first.
constexpr std::array<sign, 6> signs{
    {{"---", "\u2014"}, {"--", "\u2013"}, {"...", "\u2026"}, {"(tm)", "\u2122"}, {"(c)", "\u00a9"}, {"(r)", "\u00ae"}}};

const sign* sign_at(std::string_view s) {
  for (const sign& one : signs) {
    if (equal_ascii_case(s.substr(0, one.typed.size()), one.typed)) return &one;
  }
  return nullptr;
}

}  // namespace

void smart_punctuation::begin() { before_ = U' '; }

// Behind white space, an opening bracket, a dash or another opening quote.
bool smart_punctuation::opens() const {
  constexpr std::u32string_view openers = U"([{<-\u2013\u2014\u2018\u201c\u00a1\u00bf";
  return is_white_space(static_cast<UChar32>(before_)) || openers.find(before_) != openers.npos;
}

std::string smart_punctuation::set(std::string_view s) {
  std::string out;
  out.reserve(s.size() + s.size() / 32);
  for (std::size_t i = 0; i < s.size();) {
    if (s[i] == '"' || s[i] == '\'') {
      // An apostrophe in front of a digit stands for a century.
      bool century = s[i] == '\'' && i + 1 < s.size() && s[i + 1] >= '0' && s[i + 1] <= '9';
      bool opening = opens() && !century;
      before_ = s[i] == '"' ? (opening ? U'\u201c' : U'\u201d') : (opening ? U'\u2018' : U'\u2019');
      out += s[i] == '"' ? (opening ? "\u201c" : "\u201d") : (opening ? "\u2018" : "\u2019");
      ++i;
      continue;
    }
    if (const sign* one = sign_at(s.substr(i))) {
      out += one->printed;
      before_ = one->typed.front() == '-' ? U'-' : U'.';
      i += one->typed.size();
      continue;
    }
    std::size_t from = i;
    before_ = static_cast<char32_t>(next_code_point(s, i));
    out += s.substr(from, i - from);
  }
  return out;
}

void smart_punctuation::skip(std::string_view s) {
  for (std::size_t i = 0; i < s.size();) before_ = static_cast<char32_t>(next_code_point(s, i));
}

}  // namespace carrel::publication
