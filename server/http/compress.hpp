#pragma once

#include "server/http/message.hpp"

namespace carrel::http {

// gzip for text bodies of 1 KiB and more when the client names it (opds.md 3.5). Adds Vary, marks the ETag with -gz. A
// response with `Content-Encoding: identity` is left alone and loses that header. Also gives a 304 the tag the client has.
void compress(const request&, response&);

}  // namespace carrel::http
