#pragma once
// Reading one request: the head in one piece, the body in pieces. Beast's parser is inside, its headers are not.

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "server/http/message.hpp"

namespace carrel::http {

// A request that is answered before any route is looked for, and closes the connection.
struct refusal {
  unsigned status;
  std::string_view reason;
};

constexpr std::size_t max_request_line = 8 << 10;

// Looks for the end of the head in what has arrived so far; `seen` is kept between calls.
struct head_scan {
  std::size_t seen = 0;     // start of the first line that is not complete
  std::size_t end = 0;      // after the empty line; 0 = not there yet
  bool first_line = false;  // the request line is complete
  std::optional<refusal> look(std::string_view arrived, std::uint64_t max_header);
};

struct head {
  request::parts parts;   // method, target in origin form, headers
  std::string authority;  // of the Host header or an absolute target; empty only for HTTP/1.0
  bool http11 = true;
  bool keep_alive = true;
  bool expects_continue = false;
  bool whole_server = false;  // OPTIONS *
  bool bad_path = false;      // an escape in it names nothing: 400, in the form of the group it is below
  bool has_body = false;
  std::optional<std::uint64_t> length;  // of the body; none when it is chunked

  std::string_view raw_path() const { return std::string_view(parts.target).substr(0, parts.target.find('?')); }
};

class body_taker {
 public:
  virtual void take(std::string_view) = 0;

 protected:
  ~body_taker() = default;
};

class reader {
 public:
  reader();
  ~reader();
  std::optional<refusal> read_head(std::string_view text, head& out);  // `text` ends after the empty line

  struct progress {
    std::size_t used = 0;
    bool complete = false;
    std::optional<refusal> refused;  // 413 above `limit` bytes in all
  };
  progress read_body(std::string_view arrived, std::uint64_t limit, body_taker&);

 private:
  struct parser;
  std::unique_ptr<parser> parser_;
};

bool valid_authority(std::string_view);  // opds.md 2.4: [A-Za-z0-9.:\[\]-_]

// The path with each segment decoded once, without empty segments; a slash inside a segment stays %2F. What prefixes are
// compared with, and what is logged, so that //kobo/x and /%6bobo/x are seen as what the router sees.
std::string canonical_path(std::string_view raw_path);

}  // namespace carrel::http
