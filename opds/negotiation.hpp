#pragma once
// Which of the two versions a request is answered in (opds.md 2.3).

#include <string_view>

#include "opds/feed_model.hpp"
#include "server/http/message.hpp"

namespace carrel::opds {

// By the address; only the root, which both have in common, goes by what the client prefers.
form form_of(const http::request&);
bool is_common_root(const http::request&);

// Whether the Accept header wants OPDS 2.0 strictly more than Atom. On a tie it is Atom: page streaming is known there only.
bool prefers_json(std::string_view accept);

}  // namespace carrel::opds
