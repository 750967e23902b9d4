#pragma once
// Pieces of OPDS 2.0 documents. Internal to the writer.

#include <string>
#include <string_view>

#include "opds/feed_model.hpp"
#include "server/core/json.hpp"

namespace carrel::opds::parts {

// Without line ends and control characters.
json::value line(std::string_view);
// Sets nothing for empty text.
void set_line(json::object&, std::string name, std::string_view);
// What every link has: rel, href, type, title.
json::object link_object(const link&);
json::object feed_link(std::string_view href);  // to a list of this version

}  // namespace carrel::opds::parts
