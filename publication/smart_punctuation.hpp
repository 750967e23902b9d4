#pragma once
// Typewriter's punctuation as printers set it (kepub.md 8).

#include <string>
#include <string_view>

namespace carrel::publication {

// Of one running text, piece by piece: which way a quote opens is told by what is in front of it.
class smart_punctuation {
 public:
  void begin();  // a block begins: nothing is in front
  // Straight quotes curly; -- and --- dashes; ... an ellipsis; (c), (r) and (tm) signs.
  std::string set(std::string_view utf8);
  void skip(std::string_view utf8);  // text that stays as it is, and is in front of what follows

 private:
  bool opens() const;
  char32_t before_ = U' ';
};

}  // namespace carrel::publication
