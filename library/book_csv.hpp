#pragma once
// Books as lines of a table (product.md 4.4): written for spreadsheets, and read again as changes of fields. The column `id` says
// which book; a column that is not there changes nothing, an empty cell empties its field.

#include <string>
#include <vector>

#include "library/book.hpp"
#include "library/catalog.hpp"
#include "publication/csv.hpp"
#include "server/core/error.hpp"
#include "server/core/json.hpp"

namespace carrel::library {

// Several values stand in one cell with "; " between; a semicolon or backslash of a value has a backslash before it.
std::string csv_list(const std::vector<std::string>&);
std::vector<std::string> csv_items(std::string_view cell);

const std::vector<std::string>& csv_book_columns();
std::vector<std::string> csv_book_cells(const book&);

// The next of those that match, in the order of their ids.
std::vector<book> csv_books(db::tx&, const uuid& viewer, const filter&, const uuid& after, int limit);

// Why no line of a table with these columns can be read, by a code: no_id, no_fields, series_index.
std::optional<std::string> refused_columns(const publication::csv_columns&);
struct csv_line {
  uuid book;
  json::object wanted;  // as edit_book takes it
};
// An error when its id is none; values are checked when it is found out what would change.
result<csv_line> csv_book_line(const publication::csv_columns&, const publication::csv_row&);

}  // namespace carrel::library
