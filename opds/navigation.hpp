#pragma once
// Feeds that lead to other feeds (opds.md 12.1, 12.2). Internal to opds.

#include "library/catalog.hpp"
#include "opds/lists.hpp"

namespace carrel::opds {

task<http::response> show_root(shared_state&, http::context&);
task<http::response> show_names(shared_state&, http::context&, library::names);  // but languages
task<http::response> show_languages(shared_state&, http::context&);
task<http::response> show_shelves(shared_state&, http::context&);
task<http::response> show_formats(shared_state&, http::context&);
task<http::response> show_libraries(shared_state&, http::context&);
task<http::response> show_ratings(shared_state&, http::context&);
task<http::response> show_decades(shared_state&, http::context&);
task<http::response> show_years(shared_state&, http::context&, const list_kind&);  // of a decade, or the books of a year

}  // namespace carrel::opds
