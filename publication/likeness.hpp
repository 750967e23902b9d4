#pragma once
// How alike two titles or names are (hardcover.md 8.4), from 0 to 1.

#include <memory>
#include <string>
#include <string_view>

namespace carrel::publication {

// Of titles: case, marks, punctuation and leading articles do not count; 1 for what is then equal. The better of Jaro-Winkler and
// the likeness of their sets of words, so that a title with its subtitle is like the title alone.
double title_likeness(std::string_view, std::string_view);

// A title that is compared with many.
class known_title {
 public:
  explicit known_title(std::string_view);
  ~known_title();
  known_title(const known_title&) = delete;
  known_title& operator=(const known_title&) = delete;

  // As title_likeness(), or 0 when that is below `least`: most titles need not be compared letter by letter to know it.
  double likeness(std::string_view other, double least) const;

 private:
  struct form;
  std::unique_ptr<const form> is_;
};

// Twice the letters of the longest common subsequence, of all letters.
double letter_likeness(const std::u32string&, const std::u32string&);

// Of people's names: 0 unless the surnames are equal.
double name_likeness(std::string_view, std::string_view);

}  // namespace carrel::publication
