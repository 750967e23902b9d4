#pragma once
// Feeds that lead to other feeds (opds.md 12.1, 12.2). Internal to opds.

#include "library/catalog.hpp"
#include "opds/pages.hpp"

namespace carrel::opds {

task<http::response> show_root(shared_state&, http::context&);
task<http::response> show_names(shared_state&, http::context&, library::names);  // authors, series, tags
task<http::response> show_languages(shared_state&, http::context&);
task<http::response> show_shelves(shared_state&, http::context&);

}  // namespace carrel::opds
