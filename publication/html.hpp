#pragma once
// libxml2's HTML parser behind the guards of ingest.md 1.3 and kepub.md 7.4. For the files of this folder only.

#include <pugixml.hpp>
#include <string>
#include <string_view>

namespace carrel::publication {

// Parses clean UTF-8 (no NUL, no CR) as HTML into an XML tree of the form that kepub.md 7.4 wants. False when it is nested too
// deeply or libxml2 gave up; `out` is then empty.
bool parse_html(std::string_view text, pugi::xml_document& out);

bool is_void_element(std::string_view lower_case_name);

}  // namespace carrel::publication
