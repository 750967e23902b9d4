#pragma once
// Search (opds.md 6). Internal to opds.

#include <string>

#include "opds/pages.hpp"

namespace carrel::opds {

task<http::response> show_search(shared_state&, http::context&);
task<http::response> show_description(shared_state&, http::context&);

// The OpenSearch description document (opds.md 6.3).
std::string description_document(const addresses&, tongue);

}  // namespace carrel::opds
