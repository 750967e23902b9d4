#include "publication/kepub/spans.hpp"

#include <charconv>

namespace carrel::publication::kepub {

std::optional<span_id> parse_span(std::string_view text) {
  if (!text.starts_with("kobo.")) return std::nullopt;
  span_id out;
  const char* end = text.data() + text.size();
  auto [dot, first] = std::from_chars(text.data() + 5, end, out.paragraph);
  if (first != std::errc() || dot == end || *dot != '.') return std::nullopt;
  auto [last, second] = std::from_chars(dot + 1, end, out.segment);
  bool good = second == std::errc() && last == end && out.paragraph >= 0 && out.segment >= 0;
  return good ? std::optional(out) : std::nullopt;
}

span_id span_numbers::next() {
  ++count_;
  do ++last_.segment;
  while (!taken_.empty() && taken_.contains(last_));
  return last_;
}

span_id span_numbers::next_text() {
  if (pending_) last_ = {.paragraph = last_.paragraph + 1, .segment = 0};
  pending_ = false;
  return next();
}

span_id span_numbers::next_picture() {
  pending_ = true;
  return next_text();
}

}  // namespace carrel::publication::kepub
