#pragma once
// Another server, as far as Carrel asks one: it notes what it hears and says what the test tells it to.

#include <functional>
#include <list>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "tests/harness/wire.hpp"

namespace carrel::harness {

struct heard {
  std::string method, target, body;
  header_list head;
  std::string header(std::string_view name) const { return find_header(head, name); }
};

// A whole answer with its length and any other head lines ("x-a: b\r\n").
std::string said(int status, const std::string& body, const std::string& head = "");

class peer {
 public:
  // What is said to a request, byte for byte; then the connection ends. "" is never an answer: it is left waiting.
  using voice = std::function<std::string(const heard&)>;

  explicit peer(voice);
  ~peer();
  peer(const peer&) = delete;
  peer& operator=(const peer&) = delete;

  void says(voice);
  unsigned port() const { return port_; }
  std::string url() const { return "http://127.0.0.1:" + std::to_string(port_); }
  int connections() const;
  std::vector<heard> all() const;  // whole requests, in order
  void forget();

 private:
  void listen();
  void serve(int descriptor);

  mutable std::mutex mutex_;
  voice voice_;
  std::vector<heard> heard_;
  std::list<int> open_;
  std::vector<std::thread> talking_;
  int connections_ = 0, listener_ = -1;
  unsigned port_ = 0;
  bool ending_ = false;
  std::thread thread_;
};

}  // namespace carrel::harness
