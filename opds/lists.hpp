#pragma once
// Lists of books and their entries. Internal to opds.

#include <string>
#include <vector>

#include "library/catalog.hpp"
#include "opds/pages.hpp"

namespace carrel::opds {

// A list of books as an address names it.
struct book_list {
  library::list::of what = library::list::of::newest;
  uuid id{};
  std::string language{};
  std::string order{};  // a choice of orders_of(); "" the list's own

  place at() const;
  place up() const;
  std::string token_name() const;
};

struct order_choice {
  std::string_view value, label;
};
const std::vector<order_choice>& orders_of(library::list::of);  // the list's own order first

book_list list_from(const http::request&, library::list::of);

task<http::response> show_list(shared_state&, http::context&, library::list::of);
task<http::response> show_entry(shared_state&, http::context&);

}  // namespace carrel::opds
