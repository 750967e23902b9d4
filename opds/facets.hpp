#pragma once
// By what a list can be narrowed and in which order it can be shown (opds.md 5.13). Internal to opds.

#include <memory>

#include "opds/lists.hpp"

namespace carrel::opds {

using choices_ref = std::shared_ptr<const library::choices>;

// What there is to choose from, kept for as long as the catalog stays as it is. Null: not kept. Who then reads it with the books
// leaves it here.
choices_ref kept_choices(shared_state&, const visit&);
void keep_choices(shared_state&, const visit&, const choices_ref&);
task<choices_ref> choices_for(shared_state&, const visit&);

void add_facets(feed&, const visit&, const book_list&, const library::choices&);

void add_search_facets(feed&, const visit&, const place& here, const library::choices&);

// The values in force, for the list's title: "French, EPUB".
std::string said_of_facets(const book_list&, const library::choices&, tongue);

// As they are shown.
std::string language_shown(const std::string& code, tongue);
std::string format_shown(const std::string& name);

}  // namespace carrel::opds
