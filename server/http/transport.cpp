#include "server/http/transport.hpp"

#include <linux/sockios.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include <boost/asio/buffer.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <cerrno>
#include <vector>

namespace carrel::http {
namespace {

namespace asio = boost::asio;
using boost::system::error_code;
using raw_socket = asio::generic::stream_protocol::socket;

constexpr std::size_t file_piece = 1 << 20;      // per sendfile call
constexpr std::size_t secure_piece = 256 << 10;  // read from a file at once for TLS
constexpr std::size_t secure_record = 16 << 10;

}  // namespace

struct transport::secure {
  asio::ssl::stream<raw_socket&> stream;
  std::string scratch;
  secure(raw_socket& s, asio::ssl::context& c) : stream(s, c) {}
};

transport::transport(asio::io_context& io, int descriptor, int family, std::shared_ptr<asio::ssl::context> context)
    : socket_(io, asio::generic::stream_protocol(family, 0), descriptor), context_(std::move(context)) {
  error_code ignored;
  socket_.native_non_blocking(true, ignored);
  if (context_) tls_ = std::make_unique<secure>(socket_, *context_);
}

transport::~transport() = default;

task<bool> transport::handshake() {
  error_code ec;
  co_await tls_->stream.async_handshake(asio::ssl::stream_base::server, asio::redirect_error(asio::use_awaitable, ec));
  co_return !ec;
}

task<std::size_t> transport::read(char* out, std::size_t size) { return tls_ ? read_secure(out, size) : read_raw(out, size); }

task<std::size_t> transport::read_secure(char* out, std::size_t size) {
  error_code ec;
  asio::mutable_buffer into(out, size);
  std::size_t n = co_await tls_->stream.async_read_some(into, asio::redirect_error(asio::use_awaitable, ec));
  co_return ec ? 0 : n;
}

task<std::size_t> transport::read_raw(char* out, std::size_t size) {
  error_code ec;
  for (;;) {
    ssize_t n = ::recv(socket_.native_handle(), out, size, MSG_DONTWAIT);
    if (n > 0) co_return static_cast<std::size_t>(n);
    if (n == 0 || (errno != EAGAIN && errno != EINTR)) co_return 0;
    if (errno == EINTR) continue;
    co_await socket_.async_wait(raw_socket::wait_read, asio::redirect_error(asio::use_awaitable, ec));
    if (ec) co_return 0;
  }
}

task<bool> transport::wait_writable() {
  error_code ec;
  last_progress_ = clock::now();
  co_await socket_.async_wait(raw_socket::wait_write, asio::redirect_error(asio::use_awaitable, ec));
  last_progress_ = clock::now();
  co_return !ec;
}

// Sends what the socket takes at once and shortens both views by it.
bool transport::write_now(std::string_view& head, std::string_view& body, bool more, bool& would_block) {
  would_block = false;
  while (!head.empty() || !body.empty()) {
    iovec pieces[2];
    std::size_t count = 0;
    for (std::string_view v : {head, body}) {
      if (!v.empty()) pieces[count++] = {const_cast<char*>(v.data()), v.size()};
    }
    msghdr message{};
    message.msg_iov = pieces;
    message.msg_iovlen = count;
    ssize_t n = ::sendmsg(socket_.native_handle(), &message, MSG_NOSIGNAL | MSG_DONTWAIT | (more ? MSG_MORE : 0));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) {
      would_block = errno == EAGAIN;
      return would_block;
    }
    auto sent = static_cast<std::size_t>(n);
    written_ += sent;
    std::size_t of_head = std::min(sent, head.size());
    head.remove_prefix(of_head);
    body.remove_prefix(sent - of_head);
  }
  return true;
}

task<bool> transport::write_waiting(std::string_view head, std::string_view body, bool more) {
  for (;;) {
    bool ready = co_await wait_writable();
    if (!ready) co_return false;
    bool would_block = false;
    if (!write_now(head, body, more, would_block)) co_return false;
    if (!would_block) co_return true;
  }
}

task<bool> transport::write(std::string_view head, std::string_view body, bool more) {
  if (tls_) {
    bool done = co_await write_secure(head, body);
    co_return done;
  }
  bool would_block = false;
  if (!write_now(head, body, more, would_block)) co_return false;
  if (!would_block) co_return true;
  bool done = co_await write_waiting(head, body, more);
  co_return done;
}

task<bool> transport::write_secure(std::string_view head, std::string_view body) {
  // A small answer goes out as one record.
  if (!head.empty() && head.size() + body.size() <= secure_record) {
    tls_->scratch.assign(head).append(body);
    head = tls_->scratch;
    body = {};
  }
  while (!head.empty() || !body.empty()) {
    std::string_view& from = head.empty() ? body : head;
    asio::const_buffer piece(from.data(), std::min(from.size(), secure_record));
    error_code ec;
    last_progress_ = clock::now();
    std::size_t n = co_await tls_->stream.async_write_some(piece, asio::redirect_error(asio::use_awaitable, ec));
    if (ec) co_return false;
    written_ += n;
    from.remove_prefix(n);
  }
  co_return true;
}

task<bool> transport::send_file(int descriptor, std::uint64_t first, std::uint64_t count) {
  std::vector<char> piece;
  if (tls_) piece.resize(std::min<std::uint64_t>(count, secure_piece));
  auto offset = static_cast<off_t>(first);
  while (count > 0) {
    if (tls_) {
      ssize_t n = ::pread(descriptor, piece.data(), std::min<std::uint64_t>(count, piece.size()), offset);
      if (n < 0 && errno == EINTR) continue;
      if (n <= 0) co_return false;
      std::string_view bytes(piece.data(), static_cast<std::size_t>(n));
      bool sent = co_await write_secure(bytes, {});
      if (!sent) co_return false;
      offset += n;
      count -= static_cast<std::uint64_t>(n);
      continue;
    }
    ssize_t n = ::sendfile(socket_.native_handle(), descriptor, &offset, std::min<std::uint64_t>(count, file_piece));
    if (n > 0) {
      written_ += static_cast<std::uint64_t>(n);
      count -= static_cast<std::uint64_t>(n);
      // A fast client must not keep the thread to itself.
      if (count > 0) co_await asio::post(socket_.get_executor(), asio::use_awaitable);
      continue;
    }
    if (n < 0 && errno == EINTR) continue;
    if (n == 0 || errno != EAGAIN) co_return false;  // 0: the file became shorter
    bool ready = co_await wait_writable();
    if (!ready) co_return false;
  }
  co_return true;
}

task<> transport::finish() {
  error_code ec;
  if (tls_ && socket_.is_open()) {
    // SSL_shutdown once; the answer of the other side is not waited for. The alert is small and fits the send buffer.
    co_await tls_->stream.async_shutdown(asio::redirect_error(asio::use_awaitable, ec));
  }
  socket_.shutdown(raw_socket::shutdown_send, ec);
}

std::size_t transport::queued() {
  int bytes = 0;
  return ::ioctl(socket_.native_handle(), SIOCOUTQ, &bytes) == 0 ? static_cast<std::size_t>(bytes) : 0;
}

bool transport::hung_up() {
  pollfd p{socket_.native_handle(), POLLRDHUP, 0};
  return ::poll(&p, 1, 0) > 0;
}

void transport::cancel() {
  error_code ignored;
  socket_.cancel(ignored);
}

void transport::close() {
  error_code ignored;
  socket_.close(ignored);
}

}  // namespace carrel::http
