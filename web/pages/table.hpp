#pragma once
// The table of the library page (product.md 4.4): columns that one chooses, and cells that are edited where they stand. A cell is
// opened by a link and saved by a form; script only saves loading the whole page.

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "library/catalog.hpp"
#include "library/device.hpp"
#include "library/opinion.hpp"
#include "server/http/multipart.hpp"
#include "web/pages/pages.hpp"
#include "web/pages/parts.hpp"

namespace carrel::web {

using query_pairs = std::vector<std::pair<std::string, std::string>>;

// The filter that the query of a library address means, for this account.
library::filter filter_of(const visit&, const query_pairs&);

struct open_cell {
  uuid book;
  std::string field;
  std::optional<http::form> typed{};  // with what was wrong in it
  form_errors wrong{};
};
std::optional<open_cell> open_cell_of(const http::request&);  // ?cell=

// With what the viewer thinks of each book.
void fill_table(const visit&, const std::vector<library::book>&, const library::book_marks&, const std::optional<open_cell>&,
                view& out);
// The same list with another value of one name: the page that one is on stays.
std::string same_list(const http::request&, std::string_view name = "", std::string_view value = "");

// The library page, whatever brought somebody there.
answer show_library(const site&, visit, std::optional<open_cell>);
answer save_cell(const site&, http::context&);

// Checkboxes at the books, and what can be done with those that are ticked.
void fill_selection(const visit&, const std::vector<library::shelf>&, const std::vector<library::device>&,
                    const std::string& count_words, view& out);

}  // namespace carrel::web
