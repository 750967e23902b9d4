#pragma once
// Descriptions (ingest.md 17.7).

#include <string>
#include <string_view>

namespace carrel::publication {

struct description {
  std::string html;  // well-formed XHTML of the allowed elements
  std::string text;  // blocks separated by blank lines
  bool shortened = false;
};

// Plain text, HTML or escaped HTML to both forms, each at most `max_bytes`.
description sanitise(std::string_view, std::size_t max_bytes = 64 << 10);

// Is this exactly what sanitise() could have written? For text that crossed a process border.
bool is_sanitised(std::string_view html);

}  // namespace carrel::publication
