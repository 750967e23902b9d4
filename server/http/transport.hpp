#pragma once
// One accepted connection: TCP, local socket, or TLS over TCP. Lives on one thread.

#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/io_context.hpp>
#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "server/core/task.hpp"

namespace boost::asio::ssl {
class context;
}

namespace carrel::http {

class transport {
 public:
  using clock = std::chrono::steady_clock;

  transport(boost::asio::io_context&, int descriptor, int family, std::shared_ptr<boost::asio::ssl::context>);
  ~transport();

  bool tls() const { return tls_ != nullptr; }
  task<bool> handshake();
  // Bytes read; 0 when the connection has ended or cancel() was called. Never waits when bytes are there already.
  task<std::size_t> read(char* out, std::size_t size);
  // The same below TLS: what comes after finish(), to be thrown away.
  task<std::size_t> read_raw(char* out, std::size_t size);
  // Both pieces whole, or false. `more` tells the kernel that further bytes follow at once.
  task<bool> write(std::string_view head, std::string_view body, bool more = false);
  task<bool> send_file(int descriptor, std::uint64_t first, std::uint64_t count);
  // Says goodbye (TLS close_notify, FIN) without waiting for the other side.
  task<> finish();

  std::uint64_t written() const { return written_; }
  std::size_t queued();                                               // bytes the kernel has taken and the other side has not
  clock::time_point last_progress() const { return last_progress_; }  // of a write that had to wait

  bool hung_up();  // the other side has closed its end, or all of the connection
  void cancel();   // ends reads and writes that wait
  void close();    // and every later one fails

 private:
  struct secure;
  task<std::size_t> read_secure(char* out, std::size_t size);
  bool write_now(std::string_view& head, std::string_view& body, bool more, bool& would_block);
  task<bool> write_waiting(std::string_view head, std::string_view body, bool more);
  task<bool> write_secure(std::string_view head, std::string_view body);
  task<bool> wait_writable();

  boost::asio::generic::stream_protocol::socket socket_;
  std::shared_ptr<boost::asio::ssl::context> context_;
  std::unique_ptr<secure> tls_;
  std::uint64_t written_ = 0;
  clock::time_point last_progress_{};
};

}  // namespace carrel::http
