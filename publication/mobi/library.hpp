#pragma once
// libmobi behind plain values. It believes what files say, so it gets a copy of the file that holds no more than what it is asked
// about, and no text before text_check.hpp has looked at it. For the files of this folder only.

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "publication/mobi/book_header.hpp"

namespace carrel::publication::mobi {

struct told {
  std::vector<std::pair<std::uint32_t, std::string>> values;  // EXTH, in the order of the file; bytes as they are
  std::string full_name;                                      // of record 0
  std::string locale;                                         // of record 0, "de-at"
  bool is_latin = false;                                      // bytes are windows-1252, else they should be UTF-8
  bool is_dictionary = false;
  std::optional<std::size_t> first_resource;  // record of the database
  std::string markup;                         // the text of all records; "" when it is locked, too much, or damaged
  bool text_damaged = false;
};

// Null when libmobi does not take the file for a book.
std::optional<told> ask_libmobi(const palm_database&, const headers&);

}  // namespace carrel::publication::mobi
