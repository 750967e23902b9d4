#include "server/http/listener.hpp"

#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <cerrno>
#include <cstring>
#include <optional>

#include "server/core/log.hpp"
#include "server/core/text.hpp"
#include "server/http/session.hpp"

namespace carrel::http {
namespace {

namespace asio = boost::asio;
namespace ip = asio::ip;

constexpr int accepted_at_once = 64;

std::string reason_for(int code) {
  switch (code) {
    case EADDRINUSE: return "address already in use";
    case EADDRNOTAVAIL: return "this machine has no such address";
    case EACCES: return "permission denied";
    default: return std::strerror(code);
  }
}

struct endpoint {
  sockaddr_storage bytes{};
  socklen_t size = 0;
  bool wildcard6 = false;
  sockaddr* raw() { return reinterpret_cast<sockaddr*>(&bytes); }
};

result<endpoint> resolve(const std::string& text) {
  std::size_t colon = text.rfind(':');
  if (colon == std::string::npos) return error{text, "an address looks like [::]:8490, 127.0.0.1:8490 or unix:/path"};
  std::string host = text.substr(0, colon), port = text.substr(colon + 1);
  std::optional<std::int64_t> number = to_integer(port);
  if (!number || *number < 0 || *number > 65535) return error{text, "the port is not a number from 0 to 65535"};
  if (host.size() >= 2 && host.front() == '[' && host.back() == ']') host = host.substr(1, host.size() - 2);
  if (host.empty() || host == "*") host = "::";

  addrinfo wanted{};
  wanted.ai_socktype = SOCK_STREAM;
  wanted.ai_flags = AI_PASSIVE | AI_NUMERICSERV;
  addrinfo* found = nullptr;
  if (int code = ::getaddrinfo(host.c_str(), port.c_str(), &wanted, &found); code != 0) return error{text, ::gai_strerror(code)};
  endpoint out;
  std::memcpy(&out.bytes, found->ai_addr, found->ai_addrlen);
  out.size = found->ai_addrlen;
  out.wildcard6 = host == "::";
  ::freeaddrinfo(found);
  return out;
}

ip::address address_of(const sockaddr_storage& s) {
  if (s.ss_family == AF_INET) return ip::make_address_v4(ntohl(reinterpret_cast<const sockaddr_in&>(s).sin_addr.s_addr));
  ip::address_v6::bytes_type bytes;
  std::memcpy(bytes.data(), &reinterpret_cast<const sockaddr_in6&>(s).sin6_addr, bytes.size());
  return plain_address(ip::address_v6(bytes));
}

std::string text_of(int socket) {
  sockaddr_storage bound{};
  socklen_t size = sizeof bound;
  ::getsockname(socket, reinterpret_cast<sockaddr*>(&bound), &size);
  if (bound.ss_family == AF_INET) {
    const auto& a = reinterpret_cast<const sockaddr_in&>(bound);
    return address_of(bound).to_string() + ":" + std::to_string(ntohs(a.sin_port));
  }
  const auto& a = reinterpret_cast<const sockaddr_in6&>(bound);
  ip::address_v6::bytes_type bytes;
  std::memcpy(bytes.data(), &a.sin6_addr, bytes.size());
  return "[" + ip::address_v6(bytes).to_string() + "]:" + std::to_string(ntohs(a.sin6_port));
}

int open_socket(const endpoint& e) { return ::socket(e.bytes.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0); }

int try_bind(int socket, endpoint& e, bool shared) {
  int on = 1, off = 0;
  ::setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (shared) ::setsockopt(socket, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on);
  if (e.bytes.ss_family == AF_INET6) {
    ::setsockopt(socket, IPPROTO_IPV6, IPV6_V6ONLY, e.wildcard6 ? &off : &on, sizeof on);
  }
  return ::bind(socket, e.raw(), e.size) == 0 ? 0 : errno;
}

// A machine without IPv6 still gets all its IPv4 addresses from [::].
void fall_back(endpoint& e) {
  in_port_t port = reinterpret_cast<sockaddr_in6&>(e.bytes).sin6_port;
  e = endpoint{};
  auto& a = reinterpret_cast<sockaddr_in&>(e.bytes);
  a.sin_family = AF_INET;
  a.sin_port = port;
  e.size = sizeof(sockaddr_in);
}

result<listening> listen_local(const std::string& text) {
  std::string path = text.substr(5);
  sockaddr_un a{};
  a.sun_family = AF_UNIX;
  if (path.empty() || path.size() >= sizeof a.sun_path) return error{text, "the path is empty or longer than 107 bytes"};
  std::memcpy(a.sun_path, path.c_str(), path.size());
  auto* raw = reinterpret_cast<sockaddr*>(&a);

  // A socket file that nobody answers is left from a process that died.
  struct stat old {};
  if (::lstat(path.c_str(), &old) == 0 && S_ISSOCK(old.st_mode)) {
    descriptor_guard probe(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (::connect(probe.get(), raw, sizeof a) == 0 || errno != ECONNREFUSED) return error{text, reason_for(EADDRINUSE)};
    ::unlink(path.c_str());
  }
  descriptor_guard socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (socket.get() < 0) return error{text, reason_for(errno)};
  if (::bind(socket.get(), raw, sizeof a) != 0) return error{text, reason_for(errno)};
  // Forwarding headers from here are believed, so it is for the group of the service only.
  ::chmod(path.c_str(), 0660);
  if (::listen(socket.get(), SOMAXCONN) != 0) return error{text, reason_for(errno)};
  return listening{std::move(socket), text, true};
}

}  // namespace

void descriptor_guard::reset(int fd) {
  if (fd_ >= 0) ::close(fd_);
  fd_ = fd;
}

result<listening> listen_on(const std::string& address, bool shared) {
  if (address.starts_with("unix:")) return listen_local(address);
  result<endpoint> where = resolve(address);
  if (!where) return where.error();
  descriptor_guard socket(open_socket(*where));
  if (socket.get() < 0 && errno == EAFNOSUPPORT && where->wildcard6) {
    fall_back(*where);
    socket.reset(open_socket(*where));
  }
  if (socket.get() < 0) return error{address, reason_for(errno)};
  if (int code = try_bind(socket.get(), *where, shared); code != 0) return error{address, reason_for(code)};
  if (::listen(socket.get(), SOMAXCONN) != 0) return error{address, reason_for(errno)};
  std::string text = text_of(socket.get());
  return listening{std::move(socket), std::move(text), false};
}

acceptor::acceptor(worker& w, int descriptor, const listening& l, listen_address::role serves)
    : worker_(w), socket_(w.io, descriptor), pause_(w.io), text_(l.text), local_(l.local), serves_(serves) {}

void acceptor::start() { asio::co_spawn(worker_.io, run(shared_from_this()), asio::detached); }

void acceptor::stop() {
  if (!socket_.is_open()) return;
  boost::system::error_code ignored;
  socket_.close(ignored);
  pause_.cancel();
  if (local_) ::unlink(text_.c_str() + 5);
}

task<> acceptor::run([[maybe_unused]] std::shared_ptr<acceptor> self) {
  boost::system::error_code ec;
  while (socket_.is_open()) {
    co_await socket_.async_wait(asio::posix::stream_descriptor::wait_read, asio::redirect_error(asio::use_awaitable, ec));
    if (!socket_.is_open()) co_return;
    int taken = 0;
    while (taken < accepted_at_once && accept_one()) ++taken;
    if (!exhausted_) continue;
    // Out of descriptors: connections that end make room.
    pause_.expires_after(std::chrono::milliseconds(100));
    co_await pause_.async_wait(asio::redirect_error(asio::use_awaitable, ec));
  }
}

bool acceptor::accept_one() {
  sockaddr_storage from{};
  socklen_t size = sizeof from;
  descriptor_guard fd(
      ::accept4(socket_.native_handle(), reinterpret_cast<sockaddr*>(&from), &size, SOCK_NONBLOCK | SOCK_CLOEXEC));
  if (fd.get() < 0) {
    bool was = std::exchange(exhausted_, errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM);
    if (exhausted_ && !was) log::warn("http.accept", {{"error", std::strerror(errno)}, {"address", text_}});
    return errno == EINTR || errno == ECONNABORTED;
  }
  exhausted_ = false;

  engine& all = worker_.all;
  session::accepted a{.descriptor = -1,
                      .family = local_ ? AF_UNIX : from.ss_family,
                      .from = {.address = "unix", .trusted = true, .tls = false, .port = 0},
                      .exempt = true,
                      .local = "localhost",
                      .serves = serves_,
                      .tls = nullptr};
  if (!local_) {
    ip::address address = address_of(from);
    a.from = {.address = address.to_string(), .trusted = all.trusted.contain(address), .tls = false, .port = 0};
    a.exempt = address.is_loopback() || a.from.trusted;
    std::string_view port = std::string_view(text_).substr(text_.rfind(':') + 1);
    a.local.append(":").append(port);
    a.from.port = static_cast<std::uint16_t>(to_integer(port).value_or(0));
    if (all.tls.used() && serves_ != listen_address::role::metrics) a.tls = all.tls.current();
    a.from.tls = a.tls != nullptr;
    int on = 1;
    ::setsockopt(fd.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  }
  if (!all.admit(a.from.address, a.exempt)) {
    log::debug("http.turned_away", {{"from", a.from.address}, {"connections", all.connections.load()}});
    if (!a.tls) turn_away(fd.get());
    return true;
  }
  a.descriptor = fd.release();
  std::make_shared<session>(worker_, std::move(a))->start();
  return true;
}

void acceptor::turn_away(int descriptor) {
  constexpr std::string_view answer =
      "HTTP/1.1 503 Service Unavailable\r\nContent-Type: text/plain; charset=utf-8\r\nRetry-After: 5\r\nContent-Length: 22\r\n"
      "Connection: close\r\n\r\nToo many connections.\n";
  // What the client has sent already is read, or closing would be a reset that destroys the answer.
  char discarded[4096];
  (void)!::recv(descriptor, discarded, sizeof discarded, MSG_DONTWAIT);
  (void)!::send(descriptor, answer.data(), answer.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
  ::shutdown(descriptor, SHUT_WR);
}

}  // namespace carrel::http
