#pragma once
// Listening sockets: addresses, binding, accepting.

#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <memory>
#include <string>

#include "server/core/error.hpp"
#include "server/core/task.hpp"
#include "server/http/engine.hpp"

namespace carrel::http {

class descriptor_guard {
 public:
  explicit descriptor_guard(int fd = -1) : fd_(fd) {}
  descriptor_guard(descriptor_guard&& o) noexcept : fd_(o.release()) {}
  descriptor_guard& operator=(descriptor_guard&&) = delete;
  ~descriptor_guard() { reset(); }
  void reset(int fd = -1);
  int get() const { return fd_; }
  int release() { return std::exchange(fd_, -1); }

 private:
  int fd_;
};

struct listening {
  descriptor_guard socket;
  std::string text;  // the bound address, with its real port
  bool local = false;
};

// `shared`: several sockets of this process listen on the address (SO_REUSEPORT).
result<listening> listen_on(const std::string& address, bool shared);

class acceptor : public std::enable_shared_from_this<acceptor> {
 public:
  acceptor(worker&, int descriptor, const listening&, listen_address::role);
  void start();
  void stop();  // on its thread; a local socket's file goes too

 private:
  task<> run(std::shared_ptr<acceptor> self);
  bool accept_one();  // false when nobody is waiting
  void turn_away(int descriptor);

  worker& worker_;
  boost::asio::posix::stream_descriptor socket_;
  boost::asio::steady_timer pause_;
  std::string text_;
  bool local_;
  listen_address::role serves_;
  bool exhausted_ = false;  // out of descriptors
};

}  // namespace carrel::http
