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

struct reference_counts {
  std::size_t names = 0;    // named references replaced by characters
  std::size_t escaped = 0;  // bare ampersands and unknown names that were escaped
};

// The pre-pass before an XML parser: names of HTML become characters, a bare & becomes &amp;, and plain string entities of an
// internal DTD subset are replaced once. Comments, CDATA, processing instructions and DOCTYPE are copied; the subset is dropped.
std::string prepare_references(std::string_view, reference_counts* counts = nullptr);

}  // namespace carrel::publication
