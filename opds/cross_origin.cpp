#include "opds/cross_origin.hpp"

#include <algorithm>

#include "server/core/text.hpp"

namespace carrel::opds {

std::string origins::leave_for(const http::request& in) const {
  if (std::find(listed_.begin(), listed_.end(), "*") != listed_.end()) return "*";
  std::string_view origin = in.header("Origin").value_or("");
  bool known = std::any_of(listed_.begin(), listed_.end(), [&](const std::string& o) { return equal_ascii_case(o, origin); });
  return known ? std::string(origin) : "";
}

void origins::admit(const http::request& in, http::response& r) const {
  r.set("Cross-Origin-Resource-Policy", "cross-origin");
  if (listed_.empty()) return;
  std::string leave = leave_for(in);
  if (leave != "*") {
    const std::string* vary = r.find("Vary");
    r.set("Vary", vary ? *vary + ", Origin" : "Origin");
  }
  if (leave.empty()) return;
  r.set("Access-Control-Allow-Origin", leave);
  r.set("Access-Control-Expose-Headers", "Content-Disposition, Content-Range, ETag, Last-Modified, Link, WWW-Authenticate");
}

http::response origins::preflight(const http::request& in) const {
  http::response r = http::empty(204);
  r.add("Allow", "GET, HEAD, OPTIONS");
  if (leave_for(in).empty()) return r;
  r.add("Access-Control-Allow-Headers", "Authorization, Content-Type, If-None-Match, Range");
  r.add("Access-Control-Allow-Methods", "GET, HEAD, PUT, OPTIONS");
  r.add("Access-Control-Max-Age", "86400");
  return r;
}

}  // namespace carrel::opds
