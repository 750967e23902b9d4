#include "tests/harness/peer.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <stdexcept>

#include "server/core/text.hpp"

namespace carrel::harness {
namespace {

// False until all of it is there.
bool parse_request(const std::string& raw, heard& out) {
  std::size_t end = raw.find("\r\n\r\n");
  if (end == std::string::npos) return false;
  out = {};
  std::string first = raw.substr(0, raw.find("\r\n"));
  std::size_t space = first.find(' '), second = first.find(' ', space + 1);
  out.method = first.substr(0, space);
  out.target = first.substr(space + 1, second - space - 1);
  for (std::size_t at = raw.find("\r\n") + 2; at < end;) {
    std::size_t line_end = std::min(raw.find("\r\n", at), end);
    std::string line = raw.substr(at, line_end - at);
    std::size_t colon = line.find(':');
    out.head.emplace_back(line.substr(0, colon), std::string(trim(std::string_view(line).substr(colon + 1))));
    at = line_end + 2;
  }
  std::string length = out.header("content-length");
  std::size_t wanted = length.empty() ? 0 : std::stoul(length);
  out.body = raw.substr(end + 4);
  return out.body.size() >= wanted;
}

}  // namespace

std::string said(int status, const std::string& body, const std::string& head) {
  return "HTTP/1.1 " + std::to_string(status) + " X\r\nContent-Length: " + std::to_string(body.size()) + "\r\n" + head +
         "Connection: close\r\n\r\n" + body;
}

peer::peer(voice v) : voice_(std::move(v)), listener_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
  sockaddr_in at{};
  at.sin_family = AF_INET;
  at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof at;
  if (::bind(listener_, reinterpret_cast<sockaddr*>(&at), size) != 0 || ::listen(listener_, 64) != 0 ||
      ::getsockname(listener_, reinterpret_cast<sockaddr*>(&at), &size) != 0)
    throw std::runtime_error("cannot listen");
  port_ = ntohs(at.sin_port);
  thread_ = std::thread([this] { listen(); });
}

peer::~peer() {
  {
    std::scoped_lock lock(mutex_);
    ending_ = true;
    for (int descriptor : open_) ::shutdown(descriptor, SHUT_RDWR);
  }
  ::shutdown(listener_, SHUT_RDWR);
  thread_.join();
  ::close(listener_);
  for (std::thread& t : talking_) t.join();
}

void peer::says(voice v) {
  std::scoped_lock lock(mutex_);
  voice_ = std::move(v);
}

int peer::connections() const {
  std::scoped_lock lock(mutex_);
  return connections_;
}

std::vector<heard> peer::all() const {
  std::scoped_lock lock(mutex_);
  return heard_;
}

void peer::forget() {
  std::scoped_lock lock(mutex_);
  heard_.clear();
  connections_ = 0;
}

void peer::listen() {
  for (;;) {
    int descriptor = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
    std::scoped_lock lock(mutex_);
    if (descriptor < 0 && ending_) return;
    if (descriptor < 0) continue;
    ++connections_;
    open_.push_back(descriptor);
    if (ending_) ::shutdown(descriptor, SHUT_RDWR);
    talking_.emplace_back([this, descriptor] { serve(descriptor); });
  }
}

void peer::serve(int descriptor) {
  std::string raw;
  char piece[65536];
  heard request;
  ssize_t n = 0;
  while (!parse_request(raw, request) && (n = ::recv(descriptor, piece, sizeof piece, 0)) > 0)
    raw.append(piece, static_cast<std::size_t>(n));
  if (parse_request(raw, request)) {
    voice speak;
    {
      std::scoped_lock lock(mutex_);
      heard_.push_back(request);
      speak = voice_;
    }
    std::string answer = speak(request);
    for (std::size_t sent = 0; sent < answer.size();) {
      n = ::send(descriptor, answer.data() + sent, answer.size() - sent, MSG_NOSIGNAL);
      if (n <= 0) break;
      sent += static_cast<std::size_t>(n);
    }
    while (answer.empty() && ::recv(descriptor, piece, sizeof piece, 0) > 0) {
    }
  }
  std::scoped_lock lock(mutex_);
  open_.remove(descriptor);
  ::close(descriptor);
}

}  // namespace carrel::harness
