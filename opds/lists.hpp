#pragma once
// Lists of books and their entries. Internal to opds.

#include <string>
#include <vector>

#include "library/choices.hpp"
#include "library/selection.hpp"
#include "opds/pages.hpp"

namespace carrel::opds {

// A kind of lists, by the address that they begin with.
struct list_kind {
  std::string_view path;  // of what leads to them; of all books the list's own
  library::selection::source of = library::selection::source::all;
  library::selection::order own = library::selection::order::own;  // without `order`
  library::names names = library::names::languages;                // of names that have rows of their own
};
namespace kinds {
inline constexpr list_kind newest{"/new"}, titles{"/books", library::selection::source::all, library::selection::order::title},
    popular{"/popular", library::selection::source::popular};
}
const std::vector<list_kind>& lists_by_path();  // those with something of their own: /authors/{id}, ...

// A list of books as an address names it.
struct book_list {
  const list_kind* kind = &kinds::newest;
  library::selection books{};
  std::string order{};  // a choice of orders_of(); "" the list's own

  place at() const;
  place up() const;
  bool personal() const;  // shows what the account has or has read
};

struct order_choice {
  std::string_view value;
  phrase label;
  library::selection::order by;
};
const std::vector<order_choice>& orders_of(const list_kind&);  // the list's own order first

// Facets that are not there are as good as none (opds.md rule 18).
book_list list_from(const http::request&, const list_kind&, const library::choices&);
bool asks_for_facets(const http::request&);

task<http::response> show_list(shared_state&, http::context&, const list_kind&);
task<http::response> show_entry(shared_state&, http::context&);

}  // namespace carrel::opds
