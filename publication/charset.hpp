#pragma once
// Which encoding bytes are in when nothing names it. uchardet stays behind this header.

#include <string>
#include <string_view>

namespace carrel::publication {

// A name that ICU knows, never UTF-16 or UTF-32; "" when there is no telling.
std::string charset_of(std::string_view bytes);

}  // namespace carrel::publication
