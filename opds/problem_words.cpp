#include "opds/problem_words.hpp"

#include <optional>

#include "library/revision.hpp"

namespace carrel::opds {
namespace {

// What stands in the gap of the pattern; nothing where the sentence is another one.
std::optional<std::string_view> filling(std::string_view pattern, std::string_view sentence) {
  std::size_t gap = pattern.find("{}");
  if (gap == std::string_view::npos) return pattern == sentence ? std::optional(std::string_view()) : std::nullopt;
  std::string_view before = pattern.substr(0, gap), after = pattern.substr(gap + 2);
  bool fits = sentence.size() >= before.size() + after.size() && sentence.starts_with(before) && sentence.ends_with(after);
  if (!fits) return std::nullopt;
  return sentence.substr(before.size(), sentence.size() - before.size() - after.size());
}

}  // namespace

std::string told(tongue t, std::string_view english) {
  for (const translated& words : problem_words) {
    std::optional<std::string_view> name = filling(words.english, english);
    if (name) return worded(words, t, *name);
  }
  return std::string(english);
}

tongue tongue_for(const http::context& c) {
  std::string_view chosen = c.who && c.who->gate ? std::string_view(c.who->gate->language) : std::string_view();
  return tongue_of(chosen, c.in.header("Accept-Language").value_or(""));
}

}  // namespace carrel::opds
