#include "server/http/forwarding.hpp"

#include <algorithm>
#include <boost/asio/ip/address_v6.hpp>
#include <optional>

#include "server/core/text.hpp"

namespace carrel::http {
namespace {

namespace ip = boost::asio::ip;

ip::address_v6::bytes_type wide(const ip::address& a) {
  if (a.is_v6()) return a.to_v6().to_bytes();
  return ip::make_address_v6(ip::v4_mapped, a.to_v4()).to_bytes();
}

// Parts between separators that are not inside quotes.
std::vector<std::string_view> split_quoted(std::string_view s, char separator) {
  std::vector<std::string_view> out;
  bool quoted = false;
  std::size_t from = 0;
  for (std::size_t i = 0; i < s.size(); ++i) {
    if (s[i] == '\\' && quoted)
      ++i;
    else if (s[i] == '"')
      quoted = !quoted;
    else if (s[i] == separator && !quoted) {
      out.push_back(trim(s.substr(from, i - from)));
      from = i + 1;
    }
  }
  out.push_back(trim(s.substr(std::min(from, s.size()))));
  return out;
}

std::string_view unquote(std::string_view s) {
  return s.size() >= 2 && s.front() == '"' && s.back() == '"' ? s.substr(1, s.size() - 2) : s;
}

// 192.0.2.1, 192.0.2.1:80, 2001:db8::1, [2001:db8::1], [2001:db8::1]:80; nothing for "unknown" and "_hidden".
std::optional<ip::address> node_address(std::string_view s) {
  if (s.starts_with('[')) {
    std::size_t end = s.find(']');
    if (end == std::string_view::npos) return std::nullopt;
    s = s.substr(1, end - 1);
  } else if (std::count(s.begin(), s.end(), ':') == 1) {
    s = s.substr(0, s.find(':'));
  }
  boost::system::error_code ec;
  ip::address a = ip::make_address(std::string(s), ec);
  if (ec) return std::nullopt;
  return plain_address(a);
}

// All fields of that name as one list.
std::string joined(const header_list& headers, std::string_view name) {
  std::string out;
  for (const auto& [key, value] : headers) {
    if (!equal_ascii_case(key, name)) continue;
    if (!out.empty()) out += ", ";
    out += value;
  }
  return out;
}

std::string first_element(const header_list& headers, std::string_view name) {
  std::string all = joined(headers, name);
  return std::string(unquote(split_quoted(all, ',').front()));
}

struct claims {
  std::vector<std::string> chain;  // client first
  std::string proto, host, port, prefix;
};

bool is_of_a_proxy(std::string_view name) {
  return equal_ascii_case(name.substr(0, 12), "x-forwarded-") || equal_ascii_case(name, "forwarded");
}

claims claims_of(const header_list& headers) {
  claims out;
  if (std::none_of(headers.begin(), headers.end(), [](const auto& h) { return is_of_a_proxy(h.first); })) return out;
  std::string forwarded = joined(headers, "forwarded");
  bool first = true;
  for (std::string_view element : split_quoted(forwarded, ',')) {
    for (std::string_view pair : split_quoted(element, ';')) {
      std::size_t equals = pair.find('=');
      if (equals == std::string_view::npos) continue;
      std::string_view name = trim(pair.substr(0, equals)), value = unquote(trim(pair.substr(equals + 1)));
      if (equal_ascii_case(name, "for"))
        out.chain.emplace_back(value);
      else if (first && equal_ascii_case(name, "proto"))
        out.proto = value;
      else if (first && equal_ascii_case(name, "host"))
        out.host = value;
    }
    first = false;
  }
  if (out.chain.empty()) {
    std::string list = joined(headers, "x-forwarded-for");
    for (std::string_view element : split_quoted(list, ',')) out.chain.emplace_back(element);
  }
  if (out.proto.empty()) out.proto = first_element(headers, "x-forwarded-proto");
  if (out.host.empty()) out.host = first_element(headers, "x-forwarded-host");
  out.port = first_element(headers, "x-forwarded-port");
  out.prefix = first_element(headers, "x-forwarded-prefix");
  return out;
}

std::string client_of(const claims& c, const peer& from, const networks& trusted) {
  std::string client = from.address;
  for (auto hop = c.chain.rbegin(); hop != c.chain.rend(); ++hop) {
    std::optional<ip::address> a = node_address(*hop);
    if (!a) break;
    client = a->to_string();
    if (!trusted.contain(*a)) break;
  }
  return client;
}

std::size_t port_colon(std::string_view host) {
  std::size_t colon = host.rfind(':');
  std::size_t bracket = host.rfind(']');
  return colon != std::string_view::npos && (bracket == std::string_view::npos || colon > bracket) ? colon
                                                                                                   : std::string_view::npos;
}

void drop_default_port(std::string& host, std::string_view scheme) {
  std::size_t colon = port_colon(host);
  if (colon != std::string::npos && host.substr(colon) == (scheme == "https" ? ":443" : ":80")) host.erase(colon);
}

std::string clean_prefix(std::string p) {
  while (p.ends_with('/')) p.pop_back();
  if (p.empty() || p.front() != '/' || p.starts_with("//") || p.size() > 200) return {};
  for (char c : p) {
    bool fine = (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
                std::string_view("/-._~%").find(c) != std::string_view::npos;
    if (!fine) return {};
  }
  return p;
}

}  // namespace

ip::address plain_address(const ip::address& a) {
  if (a.is_v6() && a.to_v6().is_v4_mapped()) return ip::make_address_v4(ip::v4_mapped, a.to_v6());
  return a;
}

result<networks> networks::parse(const std::vector<std::string>& cidrs) {
  networks out;
  for (const std::string& text : cidrs) {
    std::string_view s = trim(text);
    std::size_t slash = s.find('/');
    boost::system::error_code ec;
    ip::address a = ip::make_address(std::string(s.substr(0, slash)), ec);
    if (ec) return error{"trusted proxies", "not a network: " + text};
    unsigned whole = a.is_v4() ? 32 : 128;
    std::int64_t bits = whole;
    if (slash != std::string_view::npos) bits = to_integer(s.substr(slash + 1)).value_or(-1);
    if (bits < 0 || bits > whole) return error{"trusted proxies", "not a network: " + text};
    out.list_.push_back({wide(a), static_cast<unsigned>(bits) + (128 - whole)});
  }
  return out;
}

bool networks::contain(const ip::address& a) const {
  ip::address_v6::bytes_type bytes = wide(a);
  for (const network& n : list_) {
    bool same = true;
    for (unsigned i = 0; i < n.bits && same; i += 8) {
      unsigned left = std::min(8U, n.bits - i);
      auto mask = static_cast<unsigned>(0xff00U >> left) & 0xffU;
      same = ((bytes[i / 8] ^ n.prefix[i / 8]) & mask) == 0;
    }
    if (same) return true;
  }
  return false;
}

std::optional<refusal> settle_origin(head& h, const peer& from, const networks& trusted) {
  request::parts& p = h.parts;
  p.client_address = from.address;
  p.scheme = from.tls ? "https" : "http";
  p.host = h.authority;
  p.local_port = from.port;
  if (from.trusted) {
    claims c = claims_of(p.headers);
    p.client_address = client_of(c, from, trusted);
    std::string proto = lower_ascii(c.proto);
    if (proto == "http" || proto == "https") p.scheme = proto;
    if (!c.host.empty()) {
      if (!valid_authority(c.host)) return refusal{400, "The forwarded host is malformed."};
      p.host = c.host;
    }
    std::optional<std::int64_t> port = to_integer(c.port);
    std::size_t colon = port_colon(p.host);
    // A port inside the forwarded host is more precise; one in Host may be that of the inner connection.
    if (port && *port > 0 && *port < 65536 && !p.host.empty() && (c.host.empty() || colon == std::string::npos)) {
      if (colon != std::string::npos) p.host.erase(colon);
      p.host += ":" + std::to_string(*port);
    }
    p.prefix = clean_prefix(std::move(c.prefix));
  }
  drop_default_port(p.host, p.scheme);
  return std::nullopt;
}

}  // namespace carrel::http
