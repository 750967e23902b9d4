#pragma once
// What all connections of a server share, and what those of one thread share.

#include <atomic>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <random>
#include <string>
#include <vector>

#include "server/http/forwarding.hpp"
#include "server/http/server.hpp"
#include "server/http/tls.hpp"

namespace carrel::http {

class session;
struct worker;

struct engine {
  engine(server_options o, router& main_, router& metrics_);
  ~engine();

  // Counts a connection in; false when it would be one too many in all, or of its address (unless exempt).
  bool admit(const std::string& address, bool exempt);
  void leave(const std::string& address, bool exempt);
  void session_ended();

  server_options options;
  router& main;
  router& metrics;
  networks trusted;
  certificates tls;
  std::function<bool(const std::exception&)> unavailable;
  std::atomic<bool> draining = false;
  std::atomic<unsigned> connections = 0;
  std::atomic<unsigned> sessions = 0;  // those too whose connection is gone while their handler goes on

  std::mutex lock;
  std::condition_variable changed;  // connections or sessions became 0, or a drain is aborted
  bool aborted = false;
  std::map<std::string, unsigned> by_address;

  std::vector<std::unique_ptr<worker>> workers;
};

// One I/O thread. Everything but `io` is touched by that thread only.
struct worker {
  using clock = std::chrono::steady_clock;

  worker(engine&, unsigned number);
  ~worker();

  void add(session&);
  void remove(session&);
  // A session has to be looked at by then. One timer serves all of them, so that a request sets no timer of its own.
  void watch(clock::time_point due) {
    if (due < armed_) arm(due);
  }
  std::string_view date_line();
  std::string request_id();

  engine& all;
  unsigned number;
  std::vector<session*> sessions;  // outlives io, whose end destroys the sessions that still wait
  boost::asio::io_context io{1};

 private:
  void arm(clock::time_point due);
  void sweep();
  boost::asio::steady_timer timer_{io};
  clock::time_point armed_ = clock::time_point::max();
  std::string date_;
  std::int64_t date_second_ = -1;
  std::mt19937_64 random_;
};

}  // namespace carrel::http
