#pragma once
// Kobo spans by their numbers (kepub.md 6.1).

#include <compare>
#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <string_view>

namespace carrel::publication::kepub {

struct span_id {
  int paragraph = 0, segment = 0;
  std::string text() const { return "kobo." + std::to_string(paragraph) + "." + std::to_string(segment); }
  // clang-tidy 14 takes the zero of a defaulted comparison for a pointer.
  auto operator<=>(const span_id&) const = default;  // NOLINT(modernize-use-nullptr)
};

// "kobo.P.S", both decimal; nothing for anything else.
std::optional<span_id> parse_span(std::string_view);

// Where a span begins in the text of `body` without script and style: in code points of the source, and in those that count
// for a place (kosync.md 11.4), which are the same in the converted document.
struct span_start {
  span_id id;
  std::uint64_t offset = 0;
  std::uint64_t nw = 0;
  bool operator==(const span_start&) const = default;
};

// Of one document, in its order.
class span_numbers {
 public:
  void keep_clear_of(span_id taken) { taken_.insert(taken); }  // an id that the document has already
  void paragraph() { pending_ = true; }                        // with the next piece of text
  span_id next_text();
  span_id next_picture();  // a paragraph of its own
  int count() const { return count_; }

 private:
  span_id next();
  span_id last_;
  bool pending_ = false;
  int count_ = 0;
  std::set<span_id> taken_;
};

}  // namespace carrel::publication::kepub
