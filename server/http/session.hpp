#pragma once
// One connection from accept to close.

#include <boost/asio/cancellation_signal.hpp>
#include <chrono>
#include <memory>
#include <optional>
#include <string>

#include "server/http/engine.hpp"
#include "server/http/head.hpp"
#include "server/http/router.hpp"
#include "server/http/transport.hpp"

namespace carrel::http {

class upload;

class session : public std::enable_shared_from_this<session> {
 public:
  using clock = worker::clock;
  using role = listen_address::role;

  struct accepted {
    int descriptor;
    int family;
    peer from;
    bool exempt;        // from the cap per address
    std::string local;  // host:port, for HTTP/1.0 requests without Host
    role serves;
    std::shared_ptr<boost::asio::ssl::context> tls;
  };

  session(worker&, accepted);
  ~session();
  void start();

  clock::time_point due() const { return due_; }
  void expire(clock::time_point now);  // the time given to the present phase is over, unless there was progress
  void begin_drain();
  void abort();

  std::size_t place = 0;  // in worker::sessions

 private:
  enum class phase { handshake, idle, head, body, handling, writing, streaming, closing };
  struct exchange;
  class body_sink;

  task<> run();
  task<> converse();
  task<bool> receive_head();
  task<bool> serve();
  task<bool> receive_body(exchange&, upload&);
  task<bool> admit(exchange&, bool& welcome);
  task<bool> call(exchange&, const handler&, response& out);
  task<bool> run_handler(exchange&);
  task<bool> respond(exchange&, response);
  task<bool> stream(exchange&, producer&, bool chunked, std::optional<std::uint64_t> declared);
  task<bool> refuse(refusal);
  task<> linger();
  static task<> write_late(std::shared_ptr<session>, std::string answer);

  void enter(phase, clock::time_point due);
  void leave();
  void give_up();  // the coroutine may go on, the connection does not
  bool admit_path(exchange&);
  response failure(exchange&, std::exception_ptr);
  void answer_late(exchange&);
  clock::time_point next_look() const;
  clock::time_point producer_due() const;
  void record(const exchange&, unsigned status, std::uint64_t bytes);
  std::string_view unread() const { return std::string_view(in_).substr(in_from_, in_to_ - in_from_); }
  char* room(std::size_t atleast);

  worker& worker_;
  engine& all_;
  accepted from_;
  transport wire_;
  boost::asio::cancellation_signal cancelled_;

  phase phase_ = phase::idle;
  clock::time_point due_ = clock::time_point::max(), since_{};
  std::uint64_t body_received_ = 0;
  clock::time_point body_progress_{};
  std::size_t queued_ = 0;  // in the kernel, when a slow write was last looked at
  bool timed_out_ = false;
  bool abandoned_ = false;  // somebody else has ended the connection; wire_ is not to be used
  bool counted_ = true;
  bool in_producer_ = false;
  bool unread_body_ = false;  // the present request's, so the connection cannot go on
  exchange* current_ = nullptr;

  std::string in_, out_;  // kept from request to request
  std::size_t in_from_ = 0, in_to_ = 0;
  head_scan scan_;
  reader reader_;
  bool first_ = true;
};

}  // namespace carrel::http
