#include "server/http/head.hpp"

#include <boost/beast/core/string.hpp>
#include <boost/beast/http/basic_parser.hpp>
#include <boost/beast/http/error.hpp>
#include <cstring>

#include "server/core/text.hpp"

namespace carrel::http {
namespace {

namespace beast = boost::beast;
using boost::system::error_code;

constexpr std::size_t max_headers = 200;
// A chunk's size line or the trailers may not grow beyond this; Beast itself would wait for ever.
constexpr std::size_t max_chunk_line = 16 << 10;

verb verb_of(std::string_view method) {
  for (int v = 0; v < static_cast<int>(verb::other); ++v) {
    if (name_of(static_cast<verb>(v)) == method) return static_cast<verb>(v);
  }
  return verb::other;
}

bool token_character(char c) {
  auto u = static_cast<unsigned char>(c);
  return u > 0x20 && u < 0x7f && std::string_view("\"(),/:;<=>?@[\\]{}").find(c) == std::string_view::npos;
}

std::string_view view(beast::string_view s) { return {s.data(), s.size()}; }

constexpr refusal malformed{400, "The request is malformed."};
constexpr refusal bad_host{400, "The Host header is missing or malformed."};
constexpr refusal bad_target{400, "The address is malformed."};

// Absolute form (RFC 9112 3.2.2) becomes origin form; its authority replaces the Host header.
std::optional<refusal> settle_target(head& h) {
  std::string& target = h.parts.target;
  if (target == "*" && h.parts.method == verb::options) {
    h.whole_server = true;
    return std::nullopt;
  }
  if (!target.starts_with('/')) {
    std::size_t scheme = target.find("://");
    std::string name = lower_ascii(std::string_view(target).substr(0, std::min(scheme, target.size())));
    if (scheme == std::string::npos || (name != "http" && name != "https")) return bad_target;
    std::size_t path = target.find_first_of("/?#", scheme + 3);
    h.authority = target.substr(scheme + 3, path == std::string::npos ? path : path - scheme - 3);
    if (h.authority.empty()) return bad_target;
    target.erase(0, path);
    if (!target.starts_with('/')) target.insert(0, "/");
  }
  target.erase(std::min(target.find('#'), target.size()));
  std::string_view raw = h.raw_path();
  if (raw.find('%') == std::string_view::npos) return valid_utf8(raw) ? std::nullopt : std::optional(bad_target);
  std::optional<std::string> path = percent_decode(raw);
  // PostgreSQL stores neither NUL nor broken UTF-8, so no address with them names anything.
  h.bad_path = !path || path->find('\0') != std::string::npos || !valid_utf8(*path);
  return std::nullopt;
}

}  // namespace

std::optional<refusal> head_scan::look(std::string_view arrived, std::uint64_t max_header) {
  while (end == 0) {
    const void* found = seen < arrived.size() ? std::memchr(arrived.data() + seen, '\n', arrived.size() - seen) : nullptr;
    if (!found) break;
    auto at = static_cast<std::size_t>(static_cast<const char*>(found) - arrived.data());
    if (at == 0 || arrived[at - 1] != '\r') return malformed;  // Beast would wait for the missing CR until the time is up
    if (!first_line && at > max_request_line) return refusal{414, "The address is too long."};
    if (at + 1 > max_header) return refusal{431, "The request's head is too large."};
    // A folded line (RFC 9112 5.2): others may read it as a line of its own.
    if (first_line && (arrived[seen] == ' ' || arrived[seen] == '\t')) return malformed;
    if (first_line && at == seen + 1) end = at + 1;
    first_line = true;
    seen = at + 1;
  }
  if (end != 0) return std::nullopt;
  if (!first_line) {
    // Something else than HTTP, TLS for example, is told so at once.
    for (char c : arrived.substr(0, 32)) {
      if (c == ' ' && arrived.front() != ' ') break;
      if (!token_character(c) && c != '\r') return malformed;
    }
    if (arrived.size() > max_request_line) return refusal{414, "The address is too long."};
  }
  if (arrived.size() > max_header) return refusal{431, "The request's head is too large."};
  return std::nullopt;
}

struct reader::parser final : beast::http::basic_parser<true> {
  head* out = nullptr;  // while the head is read
  body_taker* taker = nullptr;
  std::uint64_t limit = 0, taken = 0;
  std::size_t lengths = 0, encodings = 0, hosts = 0;
  bool bad_encoding = false, bad_length = false, expects_other = false;

  parser() { body_limit(boost::none); }

  void on_request_impl(beast::http::verb, beast::string_view method, beast::string_view target, int version,
                       error_code&) override {
    out->parts.method = verb_of(view(method));
    out->parts.target = view(target);
    out->http11 = version >= 11;
  }
  void on_response_impl(int, beast::string_view, int, error_code&) override {}

  void on_field_impl(beast::http::field, beast::string_view name_, beast::string_view value_, error_code& ec) override {
    if (!out) return;  // a trailer
    std::string_view name = view(name_), value = trim(view(value_));
    if (out->parts.headers.size() >= max_headers) {
      ec = beast::http::error::header_limit;
      return;
    }
    if (equal_ascii_case(name, "host")) {
      ++hosts;
      out->authority = value;
    } else if (equal_ascii_case(name, "content-length")) {
      ++lengths;
      bad_length = bad_length || value.find_first_not_of("0123456789") != std::string_view::npos;
    } else if (equal_ascii_case(name, "transfer-encoding")) {
      ++encodings;
      bad_encoding = bad_encoding || !equal_ascii_case(value, "chunked");
    } else if (equal_ascii_case(name, "expect")) {
      if (equal_ascii_case(value, "100-continue"))
        out->expects_continue = true;
      else
        expects_other = true;
    }
    out->parts.headers.emplace_back(name, value);
  }

  void on_header_impl(error_code&) override {}
  void on_body_init_impl(boost::optional<std::uint64_t> const&, error_code&) override {}
  std::size_t on_body_impl(beast::string_view piece, error_code& ec) override { return hand_over(piece, ec); }
  void on_chunk_header_impl(std::uint64_t, beast::string_view, error_code&) override {}
  std::size_t on_chunk_body_impl(std::uint64_t, beast::string_view piece, error_code& ec) override {
    return hand_over(piece, ec);
  }
  void on_finish_impl(error_code&) override {}

  std::size_t hand_over(beast::string_view piece, error_code& ec) {
    if (taken + piece.size() > limit) {
      ec = beast::http::error::body_limit;
      return 0;
    }
    taken += piece.size();
    taker->take(view(piece));
    return piece.size();
  }
};

reader::reader() = default;
reader::~reader() = default;

std::optional<refusal> reader::read_head(std::string_view text, head& out) {
  parser_ = std::make_unique<parser>();
  parser& p = *parser_;
  p.header_limit(static_cast<std::uint32_t>(text.size() + 1));
  out.parts.headers.reserve(16);
  p.out = &out;
  error_code ec;
  std::size_t used = p.put(boost::asio::buffer(text.data(), text.size()), ec);
  p.out = nullptr;
  if (ec == beast::http::error::header_limit) return refusal{431, "The request has too many headers."};
  if (ec || used != text.size() || !p.is_header_done()) return malformed;
  if (p.lengths > 1 || p.encodings > 1 || (p.lengths && p.encodings) || p.bad_length || p.bad_encoding) return malformed;
  if (p.encodings && !out.http11) return malformed;
  if (p.hosts > 1 || (p.hosts == 0 && out.http11)) return bad_host;
  if (std::optional<refusal> r = settle_target(out)) return r;
  if ((p.hosts || !out.authority.empty()) && !valid_authority(out.authority)) return bad_host;
  if (p.expects_other) return refusal{417, "Only Expect: 100-continue is understood."};

  out.keep_alive = p.keep_alive();
  out.expects_continue = out.expects_continue && out.http11;
  out.has_body = !p.is_done();
  if (!p.chunked() && p.content_length()) out.length = *p.content_length();
  return std::nullopt;
}

reader::progress reader::read_body(std::string_view arrived, std::uint64_t limit, body_taker& taker) {
  parser& p = *parser_;
  p.limit = limit;
  p.taker = &taker;
  progress out;
  while (!p.is_done()) {
    error_code ec;
    std::string_view rest = arrived.substr(out.used);
    if (rest.empty()) break;
    std::size_t used = p.put(boost::asio::buffer(rest.data(), rest.size()), ec);
    out.used += used;
    if (ec == beast::http::error::need_more) {
      if (rest.size() - used > max_chunk_line) out.refused = malformed;
      break;
    }
    if (ec == beast::http::error::body_limit)
      out.refused = refusal{413, "The body is too large."};
    else if (ec)
      out.refused = malformed;
    if (ec) break;
  }
  out.complete = p.is_done();
  return out;
}

bool valid_authority(std::string_view host) {
  if (host.empty() || host.size() > 255) return false;
  for (char c : host) {
    bool fine = (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == ':' || c == '[' ||
                c == ']' || c == '-' || c == '_';
    if (!fine) return false;
  }
  return true;
}

std::string canonical_path(std::string_view raw) {
  std::string out;
  out.reserve(raw.size());
  while (!raw.empty()) {
    std::size_t end = std::min(raw.find('/'), raw.size());
    std::string_view segment = raw.substr(0, end);
    raw.remove_prefix(std::min(end + 1, raw.size()));
    if (segment.empty()) continue;
    out += '/';
    std::optional<std::string> decoded = percent_decode(segment);
    for (char c : decoded ? std::string_view(*decoded) : segment) {
      if (c == '/')
        out += "%2F";
      else
        out += c;
    }
  }
  if (out.empty()) out = "/";
  return out;
}

}  // namespace carrel::http
