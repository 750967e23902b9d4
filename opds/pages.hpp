#pragma once
// Feeds put together: the links every feed has, and the turning of pages (opds.md 5.4, 7). Internal to opds.

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "library/cursor.hpp"
#include "opds/visit.hpp"

namespace carrel::opds {

// Where a feed is and where a person came from.
struct spot {
  opds::kind kind = kind::navigation;
  std::string title;
  place at;
  std::optional<place> up;  // absent: the root itself
  opds::kind up_kind = kind::navigation;
  bool personal = false;  // shows the account's own lists
};

// What of the list is asked for. `shown`: the same as parameters, for the self link.
struct turn {
  library::cursor cursor;
  params shown;
};
// Throws 400 for a token that is not one of this list.
turn turn_from(const http::request&, std::string_view list_name);

// Tokens of the neighbouring pages; "" where there is none.
struct neighbours {
  std::string previous, next;
  bool last = true;  // the list can be walked from its end
};
// What a token is made of: where the target page starts.
library::cursor cursor_at(library::cursor::side, std::string key, std::uint64_t ordinal);
neighbours neighbours_of(const std::optional<library::cursor>& previous, const std::optional<library::cursor>& next,
                         std::string_view list_name);

// A feed with everything but its entries, facets and numbers. Only paged lists have neighbours.
feed begin_feed(const visit&, const spot&, const params& shown, const neighbours* = nullptr);

section line_to(const visit&, std::string title, std::string content, const place&, kind, std::string_view rel = "subsection");

// The part of a short list that is one page of it; for lists that are read as a whole. `keys` are unique.
struct slice {
  std::size_t first = 0, count = 0;
  std::optional<library::cursor> previous, next;
};
slice slice_of(const std::vector<std::string>& keys, const library::cursor&, int page_size);

}  // namespace carrel::opds
