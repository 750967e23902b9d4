#pragma once
// A small blocking client that sees every byte, and a server on a free port with the routes of a test.

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "server/core/log.hpp"
#include "server/core/random.hpp"
#include "server/core/text.hpp"
#include "server/http/server.hpp"
#include "tests/harness/eventually.hpp"

namespace carrel::http_tests {

struct reply {
  int status = 0;  // 0: the connection ended before an answer
  std::vector<std::pair<std::string, std::string>> headers;
  std::string body;
  bool whole = false;  // the body came to its end

  std::optional<std::string> header(std::string_view name) const {
    for (const auto& [key, value] : headers) {
      if (equal_ascii_case(key, name)) return value;
    }
    return std::nullopt;
  }
};

class client {
 public:
  explicit client(int port) : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in a{};
    a.sin_family = AF_INET;
    a.sin_port = htons(static_cast<std::uint16_t>(port));
    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (::connect(fd_, reinterpret_cast<sockaddr*>(&a), sizeof a) != 0) throw std::runtime_error("connect");
    patience();
  }
  explicit client(const std::string& unix_path) : fd_(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_un a{};
    a.sun_family = AF_UNIX;
    unix_path.copy(a.sun_path, sizeof a.sun_path - 1);
    if (::connect(fd_, reinterpret_cast<sockaddr*>(&a), sizeof a) != 0) throw std::runtime_error("connect");
    patience();
  }
  client(const client&) = delete;
  client& operator=(const client&) = delete;
  ~client() { close(); }

  void close() {
    if (fd_ >= 0) ::close(std::exchange(fd_, -1));
  }
  int descriptor() const { return fd_; }

  bool send(std::string_view bytes) {
    while (!bytes.empty()) {
      ssize_t n = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (n <= 0) return false;
      bytes.remove_prefix(static_cast<std::size_t>(n));
    }
    return true;
  }
  void finish_sending() { ::shutdown(fd_, SHUT_WR); }

  // False at the end of the connection.
  bool fill() {
    char piece[65536];
    ssize_t n = ::recv(fd_, piece, sizeof piece, 0);
    if (n > 0) in_.append(piece, static_cast<std::size_t>(n));
    timed_out_ = n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK);
    return n > 0;
  }

  reply read(bool head_only = false) {
    reply r;
    std::size_t end;
    while ((end = in_.find("\r\n\r\n")) == std::string::npos) {
      if (!fill()) return r;
    }
    std::string head = in_.substr(0, end);
    in_.erase(0, end + 4);
    r.status = std::stoi(head.substr(9, 3));
    for (std::size_t at = head.find("\r\n"); at != std::string::npos; at = head.find("\r\n", at + 2)) {
      std::string line = head.substr(at + 2, head.find("\r\n", at + 2) - at - 2);
      std::size_t colon = line.find(':');
      r.headers.emplace_back(line.substr(0, colon), std::string(trim(line.substr(colon + 1))));
    }
    if (head_only || r.status == 204 || r.status == 304 || r.status < 200) return r.whole = true, r;
    if (r.header("Transfer-Encoding")) {
      read_chunks(r);
    } else if (auto length = r.header("Content-Length")) {
      std::size_t wanted = std::stoul(*length);
      while (in_.size() < wanted && fill()) {
      }
      r.whole = in_.size() >= wanted;
      r.body = in_.substr(0, wanted);
      in_.erase(0, wanted);
    } else {
      while (fill()) {
      }
      r.whole = !timed_out_;
      r.body = std::exchange(in_, {});
    }
    return r;
  }

  // The server has closed, in good order or not, and nothing more came.
  bool ended() {
    while (fill()) {
    }
    return !timed_out_ && in_.empty();
  }

  reply get(const std::string& target, const std::string& headers = "", const std::string& method = "GET") {
    send(method + " " + target + " HTTP/1.1\r\nHost: library.test\r\n" + headers + "\r\n");
    return read(method == "HEAD");
  }

 private:
  void patience() {
    timeval limit{10, 0};
    ::setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    ::setsockopt(fd_, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
  }

  void read_chunks(reply& r) {
    for (;;) {
      std::size_t line;
      while ((line = in_.find("\r\n")) == std::string::npos) {
        if (!fill()) return;
      }
      std::size_t size = std::stoul(in_.substr(0, line), nullptr, 16);
      while (in_.size() < line + 2 + size + 2) {
        if (!fill()) return;
      }
      r.body += in_.substr(line + 2, size);
      in_.erase(0, line + 2 + size + 2);
      if (size == 0) {
        r.whole = true;
        return;
      }
    }
  }

  int fd_;
  std::string in_;
  bool timed_out_ = false;
};

class folder {
 public:
  folder() : path_(std::filesystem::temp_directory_path() / ("carrel-http-" + random_letters(12))) {
    std::filesystem::create_directory(path_);
  }
  folder(const folder&) = delete;
  folder& operator=(const folder&) = delete;
  ~folder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  const std::filesystem::path& path() const { return path_; }
  std::filesystem::path file(const std::string& name, const std::string& content) const {
    std::ofstream(path_ / name, std::ios::binary) << content;
    return path_ / name;
  }
  std::size_t count() const {
    auto entries = std::filesystem::directory_iterator(path_);
    return static_cast<std::size_t>(std::distance(begin(entries), end(entries)));
  }

 private:
  std::filesystem::path path_;
};

inline std::string content_of(const std::filesystem::path& p) {
  std::ifstream in(p, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

// Routes and options are set before start().
struct site {
  site() {
    log::start(log::level::error, "text");
    options.listen = {{.text = "127.0.0.1:0"}};
    options.upload_dir = uploads.path();
    options.drain = std::chrono::milliseconds(3000);
  }
  void start() {
    server = std::make_unique<http::server>(options, main, metrics);
    if (!unavailable.empty()) {
      server->set_unavailable([this](const std::exception& e) { return e.what() == unavailable; });
    }
    auto bound = server->bind();
    if (!bound) throw std::runtime_error(bound.error().message());
    addresses = *bound;
    port = std::stoi(addresses[0].substr(addresses[0].rfind(':') + 1));
    server->start();
  }
  int port_of(std::size_t i) const { return std::stoi(addresses[i].substr(addresses[i].rfind(':') + 1)); }

  folder uploads;
  http::router main, metrics;
  http::server_options options;
  std::string unavailable;
  std::unique_ptr<http::server> server;
  std::vector<std::string> addresses;
  int port = 0;
};

using harness::eventually;

inline task<http::response> hello(http::context&) { co_return http::text("hello"); }
inline task<http::response> echo(http::context& c) { co_return http::text(std::string(c.in.body())); }

}  // namespace carrel::http_tests
