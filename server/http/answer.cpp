#include "server/http/answer.hpp"

#include <algorithm>
#include <charconv>

#include "server/core/log.hpp"
#include "server/core/text.hpp"

namespace carrel::http {
namespace {

response plain(const problem& p) { return text(p.message + "\n", p.status); }

void append_number(std::string& out, std::uint64_t n) {
  char digits[24];
  out.append(digits, std::to_chars(digits, digits + sizeof digits, n).ptr);
}

void append_value(std::string& out, std::string_view value) {
  auto would_end_it = [](char c) { return c == '\r' || c == '\n' || c == '\0'; };
  std::size_t begin = out.size();
  out += value;
  std::replace_if(out.begin() + static_cast<std::ptrdiff_t>(begin), out.end(), would_end_it, ' ');
}

}  // namespace

std::string_view reason_of(unsigned status) {
  switch (status) {
    case 200: return "OK";
    case 201: return "Created";
    case 202: return "Accepted";
    case 204: return "No Content";
    case 206: return "Partial Content";
    case 207: return "Multi-Status";
    case 301: return "Moved Permanently";
    case 302: return "Found";
    case 303: return "See Other";
    case 304: return "Not Modified";
    case 307: return "Temporary Redirect";
    case 308: return "Permanent Redirect";
    case 400: return "Bad Request";
    case 401: return "Unauthorized";
    case 402: return "Payment Required";
    case 403: return "Forbidden";
    case 404: return "Not Found";
    case 405: return "Method Not Allowed";
    case 406: return "Not Acceptable";
    case 408: return "Request Timeout";
    case 409: return "Conflict";
    case 410: return "Gone";
    case 411: return "Length Required";
    case 412: return "Precondition Failed";
    case 413: return "Content Too Large";
    case 414: return "URI Too Long";
    case 415: return "Unsupported Media Type";
    case 416: return "Range Not Satisfiable";
    case 417: return "Expectation Failed";
    case 422: return "Unprocessable Content";
    case 423: return "Locked";
    case 424: return "Failed Dependency";
    case 428: return "Precondition Required";
    case 429: return "Too Many Requests";
    case 431: return "Request Header Fields Too Large";
    case 500: return "Internal Server Error";
    case 501: return "Not Implemented";
    case 502: return "Bad Gateway";
    case 503: return "Service Unavailable";
    case 504: return "Gateway Timeout";
    case 507: return "Insufficient Storage";
    default: return status < 400 ? "OK" : "Error";
  }
}

response render(const problem& p, const router::match* route, const context* c) {
  response out;
  bool rendered = false;
  if (route && route->errors && c) {
    try {
      out = route->errors(*c, p);
      rendered = true;
    } catch (const std::exception& e) {
      log::error("http.error_page", {{"error", e.what()}, {"id", c->request_id}});
    }
  }
  if (!rendered) out = plain(p);
  // What the page has set itself stays; the problem may bring several of one name (WWW-Authenticate).
  const header_list own = out.headers;
  auto set = [&](std::string_view name) {
    return std::any_of(own.begin(), own.end(), [&](const auto& h) { return equal_ascii_case(h.first, name); });
  };
  for (const auto& [name, value] : p.headers) {
    if (!set(name)) out.headers.emplace_back(name, value);
  }
  return out;
}

void append_head(std::string& out, const response& r, const framing& f, std::string_view date, std::string_view request_id) {
  out += "HTTP/1.1 ";
  append_number(out, r.status);
  out += ' ';
  out += reason_of(r.status);
  out += "\r\n";
  out += date;
  out += "Server: Carrel\r\nX-Content-Type-Options: nosniff\r\n";
  bool has_length = false, has_policy = false, has_resource_policy = false;
  for (const auto& [name, value] : r.headers) {
    if (equal_ascii_case(name, "content-length")) {
      if (f.length || f.chunked || has_length) continue;
      has_length = true;
    }
    if (equal_ascii_case(name, "connection") || equal_ascii_case(name, "transfer-encoding") ||
        equal_ascii_case(name, "x-content-type-options") || equal_ascii_case(name, "date")) {
      continue;
    }
    has_policy = has_policy || equal_ascii_case(name, "referrer-policy");
    has_resource_policy = has_resource_policy || equal_ascii_case(name, "cross-origin-resource-policy");
    append_value(out, name);
    out += ": ";
    append_value(out, value);
    out += "\r\n";
  }
  if (!has_policy) out += "Referrer-Policy: same-origin\r\n";
  if (!has_resource_policy) out += "Cross-Origin-Resource-Policy: same-origin\r\n";
  if (f.length) {
    out += "Content-Length: ";
    append_number(out, *f.length);
    out += "\r\n";
  }
  if (f.chunked) out += "Transfer-Encoding: chunked\r\n";
  if (!f.keep)
    out += "Connection: close\r\n";
  else if (!f.http11)
    out += "Connection: keep-alive\r\n";
  out += "X-Request-Id: ";
  out += request_id;
  out += "\r\n\r\n";
}

}  // namespace carrel::http
