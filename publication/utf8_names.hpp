#pragma once
// libarchive reads and writes names whole only where the character set is UTF-8. For the files of this folder only.

#include <locale.h>

namespace carrel::publication {

// Set for this thread and this moment, not for the process.
class utf8_names {
 public:
  utf8_names() {
    static const locale_t utf8 = ::newlocale(LC_CTYPE_MASK, "C.UTF-8", nullptr);
    if (utf8 != nullptr) before_ = ::uselocale(utf8);
  }
  ~utf8_names() {
    if (before_ != nullptr) ::uselocale(before_);
  }
  utf8_names(const utf8_names&) = delete;
  utf8_names& operator=(const utf8_names&) = delete;

 private:
  locale_t before_ = nullptr;
};

}  // namespace carrel::publication
