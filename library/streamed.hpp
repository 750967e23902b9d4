#pragma once
// Books that can be read page by page over the wire, and how far somebody is with them (opds.md 8.1).

#include <optional>
#include <string>
#include <vector>

#include "library/book.hpp"

namespace carrel::library {

struct page_stream {
  uuid file;
  int pages = 0;
  int last_read = 0;  // from 1; 0 unread
  instant last_read_at{};
};

// load_books() with the stream of each, of its best file of one of these formats whose pages are known. One statement.
struct streamed_book {
  book about;
  std::optional<page_stream> stream;
};
std::vector<streamed_book> load_streamed(db::tx&, const uuid& viewer, const std::vector<uuid>& ids,
                                         const std::vector<std::string>& formats);

}  // namespace carrel::library
