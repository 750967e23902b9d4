#pragma once
// What an inspecting process found, as JSON for a pipe (ingest.md 23). The reader trusts nothing of it.

#include <string>
#include <string_view>

#include "publication/kepub/convert.hpp"
#include "publication/metadata.hpp"
#include "publication/sidecar.hpp"
#include "server/core/error.hpp"

namespace carrel::publication {

constexpr std::size_t longest_transport = 4 << 20;

// Without the bytes of the cover: they go another way. Always shorter than longest_transport; a table of contents that would not
// fit ends early.
std::string to_json(const opened&);
std::string to_json(const refusal&);

// What either function above wrote. Refusal inspection_crash when it is anything else: too long, of wrong types, with values that
// no file could give. A cover comes back with empty bytes.
result<opened, refusal> from_json(std::string_view);

// The same of a picture that is no part of a book.
std::string to_json(const cover_image&);
result<cover_image, refusal> picture_from_json(std::string_view);

// The same of a file beside a book.
std::string to_json(const told&);
result<told, refusal> told_from_json(std::string_view);

// The same of a conversion, without its spine, which goes as a span map.
std::string to_json(const kepub::made&);
result<kepub::made, refusal> made_from_json(std::string_view);

}  // namespace carrel::publication
