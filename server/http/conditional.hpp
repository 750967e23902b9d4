#pragma once
// Validators, ranges and downloads (opds.md 3.4, 3.6, 3.7).

#include <chrono>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

#include "server/http/message.hpp"

namespace carrel::http {

struct validators {
  std::string etag;  // with its quotes; strong
  std::optional<std::chrono::sys_seconds> modified;
};

// If-None-Match (lists, W/ prefixes, *, and the -gz suffix of a compressed body) is looked at first; If-Modified-Since only
// without it.
bool unchanged(const request&, const validators&);
response not_modified(const validators&);  // 304; callers add Cache-Control and Vary

// A file with If-None-Match (304), Range, If-Range, 206, 416, HEAD, ETag and Last-Modified. Several ranges are answered with the
// whole file. Throws problem 404 when it cannot be opened. Opening is a short system call and happens on the I/O thread.
response file(const request&, const std::filesystem::path&, std::string_view type, const validators&);

// attachment; filename="<ascii>"; filename*=UTF-8''<percent-encoded>. With `raw_utf8` the first form carries the real name
// without the characters " % ; \ (KOReader, opds.md 15.1). `ascii`: the name transliterated, in which those characters do not
// occur; without it every other character becomes _.
std::string content_disposition(std::string_view file_name, bool raw_utf8 = false, bool attachment = true,
                                std::string_view ascii = {});

}  // namespace carrel::http
