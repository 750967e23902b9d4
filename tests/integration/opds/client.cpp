#include "tests/integration/opds/client.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <stdexcept>

#include "server/core/text.hpp"

namespace carrel::opds::tests {

std::string reply::header(std::string_view name) const {
  for (const auto& [key, value] : fields) {
    if (equal_ascii_case(key, name)) return value;
  }
  return "";
}

bool reply::has(std::string_view name) const {
  return std::any_of(fields.begin(), fields.end(), [&](const auto& f) { return equal_ascii_case(f.first, name); });
}

client::~client() { close_it(); }

void client::open() {
  socket_ = ::socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_port = htons(static_cast<std::uint16_t>(port_));
  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (::connect(socket_, reinterpret_cast<sockaddr*>(&to), sizeof to) != 0) throw std::runtime_error("cannot connect");
  int on = 1;
  ::setsockopt(socket_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  timeval wait{20, 0};
  ::setsockopt(socket_, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof wait);
}

void client::close_it() {
  if (socket_ >= 0) ::close(socket_);
  socket_ = -1;
  in_.clear();
}

bool client::fill() {
  char piece[65536];
  ssize_t got = ::recv(socket_, piece, sizeof piece, 0);
  if (got > 0) in_.append(piece, static_cast<std::size_t>(got));
  return got > 0;
}

std::string client::read_until(std::string_view mark) {
  std::size_t at;
  while ((at = in_.find(mark)) == std::string::npos) {
    if (!fill()) throw std::runtime_error("the server closed the connection");
  }
  std::string out = in_.substr(0, at);
  in_.erase(0, at + mark.size());
  return out;
}

std::string client::read_count(std::size_t count) {
  while (in_.size() < count) {
    if (!fill()) throw std::runtime_error("the answer is too short");
  }
  std::string out = in_.substr(0, count);
  in_.erase(0, count);
  return out;
}

reply client::begin(const std::string& method, const std::string& target, const headers& extra, const std::string& body) {
  if (socket_ < 0) open();
  headers all = extra;
  for (const auto& h : always) {
    bool replaced = std::any_of(extra.begin(), extra.end(), [&](const auto& e) { return equal_ascii_case(e.first, h.first); });
    if (!replaced) all.push_back(h);
  }
  bool has_host = std::any_of(all.begin(), all.end(), [](const auto& h) { return equal_ascii_case(h.first, "host"); });
  std::string out = method + " " + target + " HTTP/1.1\r\n";
  if (!has_host) out += "Host: 127.0.0.1:" + std::to_string(port_) + "\r\n";
  for (const auto& [name, value] : all) out += name + ": " + value + "\r\n";
  out += "\r\n" + body;
  if (::send(socket_, out.data(), out.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(out.size()))
    throw std::runtime_error("cannot send");

  reply r;
  std::vector<std::string> lines = split(read_until("\r\n\r\n"), '\n');
  r.status = std::stoi(lines.at(0).substr(9, 3));
  for (std::size_t i = 1; i < lines.size(); ++i) {
    std::size_t colon = lines[i].find(':');
    r.fields.emplace_back(lines[i].substr(0, colon), std::string(trim(lines[i].substr(colon + 1))));
  }
  return r;
}

reply client::send(const std::string& method, const std::string& target, const headers& extra, const std::string& body) {
  reply r = begin(method, target, extra, body);
  bool bodyless = method == "HEAD" || r.status == 304 || r.status == 204;
  if (!bodyless && r.has("Content-Length")) {
    r.body = read_count(std::stoul(r.header("Content-Length")));
  } else if (!bodyless && equal_ascii_case(r.header("Transfer-Encoding"), "chunked")) {
    while (std::size_t size = std::stoul(read_until("\r\n"), nullptr, 16)) {
      r.body += read_count(size);
      read_count(2);
    }
    read_count(2);
  }
  if (equal_ascii_case(r.header("Connection"), "close")) close_it();
  return r;
}

std::string basic(const std::string& user, const std::string& password) { return "Basic " + base64(user + ":" + password); }

}  // namespace carrel::opds::tests
