#pragma once
// Named and numeric character references (kepub.md 7.2).

#include <cstddef>
#include <string>
#include <string_view>

namespace carrel::publication {

extern const char* const named_reference_table;
extern const char* const legacy_reference_names;

char32_t named_reference(std::string_view name);  // without & and ;   0 when there is none
bool is_legacy_reference(std::string_view name);  // may stand without semicolon

// One level of references decoded; what is not understood stays as it is.
std::string decode_references(std::string_view);

// Where the end tag stands of the element `name` of HTML, script or style, whose content begins at `from`; the size when it has
// none.
std::size_t end_of_code(std::string_view, std::size_t from, std::string_view name);

struct reference_counts {
  std::size_t names = 0;    // named references replaced by characters
  std::size_t escaped = 0;  // bare ampersands and unknown names that were escaped
};

// The pre-pass before an XML parser: names of HTML become characters, a bare & becomes &amp;, and plain string entities of an
// internal DTD subset are replaced once. Comments, CDATA, processing instructions and DOCTYPE are copied; the subset is dropped.
// `html`: for a parser that takes what is inside script and style as it is.
std::string prepare_references(std::string_view, reference_counts* counts = nullptr, bool html = false);

}  // namespace carrel::publication
