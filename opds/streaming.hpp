#pragma once
// Comics and PDFs page by page (OPDS-PSE 1.2, opds.md 8). Internal to opds.

#include <optional>
#include <string>

#include "library/streamed.hpp"
#include "opds/feed_model.hpp"
#include "opds/visit.hpp"

namespace carrel::opds {

// The last link of an entry in OPDS 1.2 (8.1).
link stream_link(const visit&, const library::page_stream&);

task<http::response> show_streamed_page(shared_state&, http::context&);  // /opds/pse/{file}/{page}, from 0
task<http::response> show_original_page(shared_state&, http::context&);  // /opds/pages/{file}/{page}, from 1

// The width that a client may ask for (8.2): 200 to 4,000, rounded up to hundreds; 0 for none and for nonsense.
int asked_width(const std::optional<std::string>&);

}  // namespace carrel::opds
