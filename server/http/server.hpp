#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "server/core/error.hpp"
#include "server/http/router.hpp"

namespace carrel::http {

struct listen_address {
  std::string text;  // "[::]:8490", "127.0.0.1:0", "unix:/run/carrel.sock", ":8490"
  enum class role { main, devices, metrics } serves = role::main;
};

struct server_options {
  std::vector<listen_address> listen;
  unsigned threads = 1;                              // I/O threads, each with its own io_context and acceptors (SO_REUSEPORT)
  std::uint64_t max_header = 64 << 10;               // 431 above; request line at most 8 KiB (414)
  std::chrono::milliseconds header_timeout{10'000};  // from accept or from the first byte of a further request: 408
  std::chrono::milliseconds idle_timeout{75'000};
  std::chrono::milliseconds body_timeout{30'000};  // without progress of at least 1 KiB/s averaged
  unsigned max_connections = 4096;                 // above: accepted and closed with 503
  unsigned per_address = 64;                       // loopback and trusted proxies are exempt
  std::vector<std::string> trusted_proxies;        // CIDR
  std::string tls_cert, tls_key;     // both or none; reloaded when the files change (checked every 30 s) or reload() is called
  std::filesystem::path upload_dir;  // for body_to_file
  std::chrono::milliseconds drain{20'000};  // shutdown: how long busy connections may go on
  std::function<void(unsigned status, verb, std::string_view pattern, std::chrono::nanoseconds)> observe;  // metrics
  std::function<bool(std::string_view path)> device_path;  // what a `devices` listener serves; others are 404 there
};

// Accepts, reads, routes, answers. Keep-alive, pipelining, HEAD, 100-continue, sendfile for file bodies (chunks under
// TLS), gzip for text bodies above 1 KiB when asked for, security headers that the response has not set itself
// (nosniff, Referrer-Policy, Cross-Origin-Resource-Policy), X-Request-Id, one log line per request at info level
// ("http", with redacted path). A problem thrown by a handler is rendered by its group; a lost database
// (see set_unavailable) becomes 503 with Retry-After, a passed budget 504, anything else 500 with the request id.
class server {
 public:
  server(server_options, router& main, router& metrics);
  ~server();

  // Binds and listens; the error names the address and the reason ("address already in use").
  result<std::vector<std::string>> bind();  // the bound addresses, with real port numbers, in the order of `listen`
  void start();                             // starts the threads
  void stop_accepting();
  void drain();        // waits for busy connections up to options.drain, then closes them; joins the threads
  void abort_drain();  // a second signal: close now. From any thread
  void reload_certificates();

  boost::asio::any_io_executor executor(
      unsigned thread = 0);  // for timers and background coroutines; valid from construction to destruction
  unsigned connections() const;

  // Says whether an exception means "the database is away"; set before start().
  void set_unavailable(std::function<bool(const std::exception&)>);

 private:
  struct state;
  std::unique_ptr<state> state_;
};

}  // namespace carrel::http
