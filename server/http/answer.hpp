#pragma once
// Rendering of failures and the text of an answer's head.

#include <cstdint>
#include <exception>
#include <optional>
#include <string>
#include <string_view>

#include "server/http/message.hpp"
#include "server/http/router.hpp"

namespace carrel::http {

std::string_view reason_of(unsigned status);

// In the form of the route's group when there is one; otherwise one line of text.
response render(const problem&, const router::match*, const context*);

struct framing {
  std::optional<std::uint64_t> length;  // Content-Length, unless the response has set it itself
  bool chunked = false;
  bool keep = true;
  bool http11 = true;
};

// `date` is the ready Date header line. Line ends inside values become blanks.
void append_head(std::string& out, const response&, const framing&, std::string_view date, std::string_view request_id);

}  // namespace carrel::http
