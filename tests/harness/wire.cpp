#include "tests/harness/wire.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <stdexcept>

#include "server/core/text.hpp"

namespace carrel::harness {
namespace {

struct connection {
  explicit connection(unsigned port) : fd(::socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(static_cast<std::uint16_t>(port));
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    timeval wait{20, 0};
    ::setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof wait);
    if (::connect(fd, reinterpret_cast<sockaddr*>(&to), sizeof to) != 0) throw std::runtime_error("cannot connect");
  }
  ~connection() { ::close(fd); }
  connection(const connection&) = delete;
  connection& operator=(const connection&) = delete;
  int fd;
};

}  // namespace

std::string exchange(unsigned port, const std::string& request, const std::function<void(const std::string& so_far)>& arrived) {
  connection c(port);
  for (std::size_t sent = 0; sent < request.size();) {
    ssize_t n = ::send(c.fd, request.data() + sent, request.size() - sent, MSG_NOSIGNAL);
    if (n <= 0) break;  // refused early: the answer is there to be read
    sent += static_cast<std::size_t>(n);
  }
  std::string out;
  char piece[65536];
  ssize_t n = 0;
  // A child that stops or goes on interrupts the waiting.
  while ((n = ::recv(c.fd, piece, sizeof piece, 0)) > 0 || (n < 0 && errno == EINTR)) {
    if (n < 0) continue;
    out.append(piece, static_cast<std::size_t>(n));
    if (arrived) arrived(out);
  }
  if (out.empty()) throw std::runtime_error(n < 0 ? std::strerror(errno) : "closed without an answer");
  return out;
}

answer parse_answer(const std::string& raw) {
  answer out;
  std::size_t end = raw.find("\r\n\r\n");
  if (end == std::string::npos) throw std::runtime_error("no answer");
  out.status = std::stoi(raw.substr(9, 3));
  out.body = raw.substr(end + 4);
  std::size_t at = raw.find("\r\n") + 2;
  while (at < end) {
    std::size_t line_end = std::min(raw.find("\r\n", at), end);
    std::string line = raw.substr(at, line_end - at);
    std::size_t colon = line.find(':');
    out.head.emplace_back(line.substr(0, colon), std::string(trim(std::string_view(line).substr(colon + 1))));
    at = line_end + 2;
  }
  return out;
}

std::string find_header(const header_list& head, std::string_view name) {
  for (const auto& [key, value] : head) {
    if (equal_ascii_case(key, name)) return value;
  }
  return "";
}

}  // namespace carrel::harness
