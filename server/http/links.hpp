#pragma once

#include <string>

#include "server/core/config.hpp"
#include "server/http/message.hpp"

namespace carrel::http {

// Where absolute links point (opds.md 2.4): the configured address, and only when none is configured what the request (or a
// trusted proxy) says. No trailing slash; :80 and :443 of their schemes are dropped.
class links {
 public:
  explicit links(const config&);
  std::string pages(const request&) const;                     // external_url
  std::string devices(const request&) const;                   // devices_url, else external_url
  bool fixed() const { return !devices_.empty(); }             // false: bytes that hold links depend on the request
  const std::string& base_path() const { return base_path_; }  // "" or "/prefix"

 private:
  std::string pages_, devices_, base_path_;
};

}  // namespace carrel::http
