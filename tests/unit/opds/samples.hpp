#pragma once

#include "opds/books.hpp"
#include "server/core/text.hpp"

namespace carrel::opds::tests {

inline const uuid instance = *uuid::parse("0193b6a0-0000-7000-8000-00000000abcd");

inline uuid numbered(int n) {
  uuid id = instance;
  id.bytes[0] = static_cast<std::uint8_t>(n);
  id.bytes[1] = static_cast<std::uint8_t>(n >> 8);
  return id;
}

inline instant at(std::int64_t seconds) { return instant{std::chrono::seconds{seconds}}; }

// A visit as enter() makes it, without a server.
inline visit some_visit(const http::request& in) {
  visit v;
  v.in = &in;
  v.viewer = numbered(700);
  v.at = addresses("https://books.example.net", std::nullopt);
  v.site = "https://books.example.net/";
  v.instance = instance;
  v.signing.key = std::string(32, 'k');
  v.gate.catalog.number = 88213;
  v.gate.catalog.changed_at = at(1777885953);
  v.gate.audience = 1;
  v.gate.state = 9;
  return v;
}

inline library::book_file file_of(int n, const std::string& format, const std::string& name) {
  library::book_file f;
  f.id = numbered(n);
  f.format = format;
  f.download_name = name;
  f.size = 1000 + n;
  return f;
}

inline library::book some_book(int n, const std::string& title) {
  library::book b;
  b.id = numbered(n);
  b.status = "organized";
  b.title = title;
  b.updated_at = at(1777885000 + n);
  b.authors.push_back({numbered(n + 1), "Ada Fenwick", "Fenwick, Ada", "aut"});
  b.files.push_back(file_of(n + 2, "epub", "A book - Ada Fenwick.epub"));
  return b;
}

}  // namespace carrel::opds::tests
