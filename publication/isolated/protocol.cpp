#include "publication/isolated/protocol.hpp"

#include <poll.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace carrel::publication::isolated {
namespace {

io wait_until(int socket, short event, deadline until) {
  for (;;) {
    int timeout = -1;
    if (until) {
      auto left = std::chrono::ceil<std::chrono::milliseconds>(*until - std::chrono::steady_clock::now()).count();
      if (left <= 0) return io::late;
      timeout = static_cast<int>(std::min<std::int64_t>(left, 3'600'000));
    }
    pollfd p{socket, event, 0};
    int n = ::poll(&p, 1, timeout);
    if (n > 0) return io::ok;
    if (n < 0 && errno != EINTR) return io::closed;
  }
}

}  // namespace

io send_all(int socket, const void* data, std::size_t size, deadline until) {
  const char* at = static_cast<const char*>(data);
  while (size > 0) {
    ssize_t n = ::send(socket, at, size, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (n > 0) {
      at += n;
      size -= static_cast<std::size_t>(n);
    } else if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
      if (io w = wait_until(socket, POLLOUT, until); w != io::ok) return w;
    } else if (n == 0 || errno != EINTR) {
      return io::closed;
    }
  }
  return io::ok;
}

io receive_all(int socket, void* data, std::size_t size, deadline until) {
  char* at = static_cast<char*>(data);
  while (size > 0) {
    ssize_t n = ::recv(socket, at, size, MSG_DONTWAIT);
    if (n > 0) {
      at += n;
      size -= static_cast<std::size_t>(n);
    } else if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
      if (io w = wait_until(socket, POLLIN, until); w != io::ok) return w;
    } else if (n == 0 || errno != EINTR) {
      return io::closed;
    }
  }
  return io::ok;
}

io send_request(int socket, const request_head& head, int descriptor, deadline until) {
  request_head copy = head;
  iovec part{&copy, sizeof copy};
  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int))> control{};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = control.data();
  message.msg_controllen = control.size();
  cmsghdr* rights = CMSG_FIRSTHDR(&message);
  rights->cmsg_level = SOL_SOCKET;
  rights->cmsg_type = SCM_RIGHTS;
  rights->cmsg_len = CMSG_LEN(sizeof(int));
  std::memcpy(CMSG_DATA(rights), &descriptor, sizeof descriptor);
  for (;;) {
    ssize_t n = ::sendmsg(socket, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (n == static_cast<ssize_t>(sizeof copy)) return io::ok;
    if (n >= 0) return io::closed;  // a message this small goes whole or the socket is unusable
    if (errno == EINTR) continue;
    if (errno != EAGAIN && errno != EWOULDBLOCK) return io::closed;
    if (io w = wait_until(socket, POLLOUT, until); w != io::ok) return w;
  }
}

io receive_request(int socket, request_head& head, int& descriptor) {
  descriptor = -1;
  iovec part{&head, sizeof head};
  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int))> control{};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = control.data();
  message.msg_controllen = control.size();
  ssize_t n = 0;
  do {
    n = ::recvmsg(socket, &message, MSG_CMSG_CLOEXEC | MSG_WAITALL);
  } while (n < 0 && errno == EINTR);
  if (n != static_cast<ssize_t>(sizeof head)) return io::closed;
  for (cmsghdr* c = CMSG_FIRSTHDR(&message); c != nullptr; c = CMSG_NXTHDR(&message, c)) {
    if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS) std::memcpy(&descriptor, CMSG_DATA(c), sizeof descriptor);
  }
  return io::ok;
}

}  // namespace carrel::publication::isolated
