#pragma once
// What a file is called on the wire (opds.md 5.8).

#include <string>
#include <string_view>

#include "library/book.hpp"

namespace carrel::opds {

struct format {
  std::string_view name;   // book_files.format
  std::string_view type;   // media type without parameters
  std::string_view label;  // what apps write on the button
};

// Null for formats that get no acquisition link.
const format* format_of(const library::book_file&);

// What a download is sent as; never application/octet-stream for a known format.
std::string media_type(const library::book_file&);

}  // namespace carrel::opds
