#pragma once
// Keyset reading, internal to library/.

#include <algorithm>
#include <string>
#include <vector>

#include "library/catalog.hpp"

namespace carrel::library {

struct list_row {
  uuid id;
  std::int64_t version = 0;  // of a book
  std::string key, key2;     // of the order columns, as a cursor holds them
};

// At most `limit` rows after (forward) or before the anchor; going backwards the nearest comes first.
std::vector<list_row> read_list(db::tx&, const uuid& viewer, const list&, const cursor& anchor, bool forward, int limit);

// All that the filter finds, whatever their number, in the order of their ids and after the given one.
std::vector<uuid> matching_ids(db::tx&, const uuid& viewer, const filter&, const uuid& after, int limit);

cursor list_edge(list::of, bool beginning);  // an anchor outside every row
bool key_is_good(list::of, const std::string& key);

// The paging rules of opds.md 7 for any way of reading rows.
struct row_page {
  std::vector<list_row> rows;
  std::optional<cursor> next, previous;
  std::uint64_t first_ordinal = 0;
};
outline outline_from(row_page);
template <class Read>  // std::vector<list_row>(const cursor& anchor, bool forward, int limit)
row_page page_of(const cursor& from, const cursor& beginning, const cursor& end, int limit, Read&& read) {
  using side = cursor::side;
  bool backward = from.from == side::before || from.from == side::end;
  const cursor& anchor = from.from == side::start ? beginning : from.from == side::end ? end : from;
  std::vector<list_row> rows = read(anchor, !backward, limit + 1);
  auto more = rows.size() > static_cast<std::size_t>(limit);
  bool touches = from.from == side::before && !more;
  if (touches && rows.size() < static_cast<std::size_t>(limit)) {
    cursor start;
    return page_of(start, beginning, end, limit, read);  // the plain first page, so that it is full
  }
  if (more) rows.pop_back();
  if (backward) std::reverse(rows.begin(), rows.end());

  row_page out;
  if (from.from == side::start || touches)
    out.first_ordinal = 1;
  else if (from.from == side::after)
    out.first_ordinal = from.ordinal;
  else if (from.from == side::before && from.ordinal > rows.size())
    out.first_ordinal = from.ordinal - rows.size();
  if (rows.empty()) return out;

  bool later = backward ? from.from == side::before : more;
  bool earlier = backward ? more : from.from != side::start;
  if (later) {
    const list_row& last = rows.back();
    out.next = cursor{.from = side::after,
                      .key = last.key,
                      .key2 = last.key2,
                      .id = last.id,
                      .ordinal = out.first_ordinal ? out.first_ordinal + rows.size() : 0};
  }
  if (earlier) {
    const list_row& first = rows.front();
    out.previous =
        cursor{.from = side::before, .key = first.key, .key2 = first.key2, .id = first.id, .ordinal = out.first_ordinal};
  }
  out.rows = std::move(rows);
  return out;
}

}  // namespace carrel::library
