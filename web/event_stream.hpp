#pragma once
// Server-sent events: a question that is asked again and again, and what is new in its answer.

#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "web/site.hpp"

namespace carrel::web {

std::string event_text(std::string_view name, const json::object& data);

// `look` gives the text to send, "" when nothing is new, and nothing when the stream is over. A silent stream is kept alive; a
// browser opens one that has ended again by itself.
struct event_pace {
  std::chrono::milliseconds every{1000};
  std::chrono::minutes longest{60};
};
http::response event_stream(const site&, event_pace, std::function<task<std::optional<std::string>>()> look);

}  // namespace carrel::web
