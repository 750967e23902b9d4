#include "server/http/session.hpp"

#include <algorithm>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <cstring>

#include "server/core/log.hpp"
#include "server/core/text.hpp"
#include "server/http/answer.hpp"
#include "server/http/exchange.hpp"

namespace carrel::http {
namespace {

namespace asio = boost::asio;

constexpr std::size_t small_buffer = 8 << 10, large_buffer = 64 << 10;
constexpr std::chrono::seconds farewell{2};        // for a closing connection to take what was sent
constexpr std::uint64_t most_discarded = 4 << 20;  // of a body nobody wants, so that the client reads the answer
constexpr unsigned client_closed = 499;            // in logs and metrics, as nginx has it
constexpr unsigned turn = 64;                      // pipelined requests before other connections have theirs

}  // namespace

session::session(worker& w, accepted a)
    : worker_(w), all_(w.all), from_(std::move(a)), wire_(w.io, from_.descriptor, from_.family, from_.tls) {
  worker_.add(*this);
  ++all_.sessions;
}

session::~session() {
  worker_.remove(*this);
  leave();
  all_.session_ended();
}

void session::start() {
  // The handler keeps the session until after its coroutine is gone.
  auto keep = [self = shared_from_this()](const std::exception_ptr&) {};
  asio::co_spawn(worker_.io, run(), asio::bind_cancellation_slot(cancelled_.slot(), std::move(keep)));
}

void session::leave() {
  if (std::exchange(counted_, false)) all_.leave(from_.from.address, from_.exempt);
}

void session::enter(phase p, clock::time_point due) {
  phase_ = p;
  due_ = due;
  timed_out_ = false;
  if (due != clock::time_point::max()) worker_.watch(due);
}

void session::give_up() {
  if (abandoned_) return;
  abandoned_ = true;
  due_ = clock::time_point::max();
  wire_.close();
  leave();
  cancelled_.emit(asio::cancellation_type::terminal);
}

void session::expire(clock::time_point now) {
  std::chrono::milliseconds patience = all_.options.body_timeout;
  due_ = clock::time_point::max();
  switch (phase_) {
    case phase::body: {
      // No progress for the whole time, or less than 1 KiB/s on average beyond it.
      auto earned = std::chrono::seconds(body_received_ / 1024);
      clock::time_point due = std::min(body_progress_ + patience, since_ + patience + earned);
      if (due > now) return enter(phase::body, due);
      break;
    }
    case phase::writing: {
      clock::time_point due = std::max(since_, wire_.last_progress()) + patience;
      if (due > now) return enter(phase::writing, due);
      // The kernel says "writable" only when a good part of its buffer is free; a slow reader's progress shows there first.
      std::size_t queued = wire_.queued();
      if (std::exchange(queued_, queued) != queued) return enter(phase::writing, now + patience);
      break;
    }
    case phase::handling:
      if (now >= current_->c->deadline) return answer_late(*current_);
      if (!wire_.hung_up()) return enter(phase::handling, next_look());
      record(*current_, client_closed, 0);
      return give_up();
    case phase::streaming: return give_up();
    case phase::closing: return wire_.close();
    case phase::handshake:
    case phase::idle:
    case phase::head: break;
  }
  timed_out_ = true;
  wire_.cancel();
}

void session::begin_drain() {
  if (abandoned_) return;
  if (phase_ == phase::idle) return wire_.cancel();
  if (phase_ == phase::handshake) return give_up();
  // An event stream would never end by itself.
  if (in_producer_ && current_ && current_->route.options.budget.count() == 0) give_up();
}

void session::abort() { give_up(); }

task<> session::run() {
  try {
    co_await converse();
  } catch (const std::exception& e) {
    if (!abandoned_) log::error("http.session", {{"error", e.what()}});
  }
  if (abandoned_) co_return;
  wire_.close();
  leave();
}

task<> session::converse() {
  since_ = clock::now();
  if (wire_.tls()) {
    enter(phase::handshake, since_ + all_.options.header_timeout);
    bool secured = co_await wire_.handshake();
    if (!secured) co_return;
  }
  for (unsigned served = 1;; ++served) {
    bool arrived = co_await receive_head();
    if (!arrived) co_return;
    bool again = co_await serve();
    if (abandoned_) co_return;
    if (!again) break;
    first_ = false;
    if (in_from_ == in_to_ && in_.size() > large_buffer / 2) {
      in_ = std::string();
      in_from_ = in_to_ = 0;
    }
    if (served % turn == 0) co_await asio::post(worker_.io, asio::use_awaitable);
  }
  co_await linger();
}

char* session::room(std::size_t atleast) {
  if (in_from_ > 0) {
    std::memmove(in_.data(), in_.data() + in_from_, in_to_ - in_from_);
    in_to_ -= in_from_;
    in_from_ = 0;
  }
  if (in_.size() - in_to_ < atleast) in_.resize(in_to_ + atleast);
  return in_.data() + in_to_;
}

// False when the connection has ended, or a refusal was sent.
task<bool> session::receive_head() {
  scan_ = {};
  if (first_)
    enter(phase::idle, since_ + all_.options.header_timeout);
  else if (in_from_ == in_to_)
    enter(phase::idle, clock::now() + all_.options.idle_timeout);
  for (;;) {
    // Some clients send an empty line after a body (RFC 9112 2.2).
    while (scan_.seen == 0 && unread().starts_with("\r\n")) in_from_ += 2;
    std::optional<refusal> bad = scan_.look(unread(), all_.options.max_header);
    if (bad) {
      co_await refuse(*bad);
      co_return false;
    }
    if (scan_.end != 0) co_return true;
    if (in_from_ == in_to_) {
      if (all_.draining) co_return false;
    } else if (phase_ != phase::head) {
      clock::time_point begun = first_ ? since_ : clock::now();
      enter(phase::head, begun + all_.options.header_timeout);
    }
    char* into = room(small_buffer / 2);
    std::size_t n = co_await wire_.read(into, in_.size() - in_to_);
    in_to_ += n;
    if (n != 0) continue;
    if (timed_out_ && in_from_ != in_to_) {
      constexpr refusal late{408, "The request took too long to arrive."};
      co_await refuse(late);
    }
    co_return false;
  }
}

task<bool> session::serve() {
  exchange x;
  upload body;
  x.started = clock::now();
  x.id = worker_.request_id();
  std::optional<refusal> bad = reader_.read_head(unread().substr(0, scan_.end), x.h);
  in_from_ += scan_.end;
  if (x.h.authority.empty()) x.h.authority = from_.local;
  if (!bad) bad = settle_origin(x.h, from_.from, all_.trusted);
  if (bad) {
    co_await refuse(*bad);
    co_return false;
  }
  x.keep = x.h.keep_alive;
  x.path = x.h.whole_server ? "*" : canonical_path(x.h.raw_path());
  if (x.h.bad_path) x.path = replace_invalid_utf8(x.path);
  unread_body_ = x.h.has_body;
  if (!admit_path(x)) {
    x.open(nullptr);
    response r = x.h.whole_server ? empty(204) : text("Not found.\n", 404);
    if (x.h.whole_server) r.headers.emplace_back("Allow", "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS");
    bool again = co_await respond(x, std::move(r));
    co_return again;
  }
  if (x.h.bad_path) {
    x.refused.emplace(400, "The address is malformed.", "bad_address");
  } else if (x.h.has_body) {
    bool welcome = true;
    if (x.route.admit) {
      bool again = co_await admit(x, welcome);
      if (!welcome) co_return again;
    }
    bool connected = co_await receive_body(x, body);
    if (!connected) co_return false;
  } else if (x.route.options.body_to_file && !x.route.pattern.empty() && x.h.parts.method != verb::head) {
    try {
      body.to_file(all_.options.upload_dir);
      body.finish();
    } catch (...) {
      x.failed = std::current_exception();
    }
  }
  x.open(&body);
  bool again = co_await run_handler(x);
  co_return again;
}

// Finds the route; false for what is answered without one.
bool session::admit_path(exchange& x) {
  if (x.h.whole_server) return false;
  if (from_.serves == role::devices && all_.options.device_path && !all_.options.device_path(x.path)) return false;
  const router& routes = from_.serves == role::metrics ? all_.metrics : all_.main;
  x.route = routes.find(x.h.parts.method, x.h.raw_path());
  return true;
}

// False when the client is gone. A body that is not read to its end leaves the reason in x.refused or x.failed.
task<bool> session::receive_body(exchange& x, upload& body) {
  std::uint64_t limit = x.route.options.body_limit;
  if (x.h.length && *x.h.length > limit) {
    x.refused.emplace(413, "The body is too large.", "too_large");
    co_return true;
  }
  // Nothing takes it, so it need not be sent.
  if (x.h.expects_continue && x.route.pattern.empty()) co_return true;
  since_ = body_progress_ = clock::now();
  body_received_ = 0;
  enter(phase::body, since_ + all_.options.body_timeout);
  try {
    if (x.route.options.body_to_file)
      body.to_file(all_.options.upload_dir);
    else if (x.h.length)
      body.text.reserve(*x.h.length);
  } catch (...) {
    x.failed = std::current_exception();
    co_return true;
  }
  if (x.h.expects_continue && in_from_ == in_to_) {
    constexpr std::string_view go_on = "HTTP/1.1 100 Continue\r\n\r\n";
    bool sent = co_await wire_.write(go_on, {});
    if (!sent) co_return false;
  }
  for (;;) {
    reader::progress p;
    try {
      p = reader_.read_body(unread(), limit, body);
    } catch (...) {
      x.failed = std::current_exception();
      co_return true;
    }
    in_from_ += p.used;
    if (p.refused) {
      x.refused.emplace(p.refused->status, std::string(p.refused->reason), p.refused->status == 413 ? "too_large" : "");
      co_return true;
    }
    if (p.complete) break;
    bool large = !x.h.length || *x.h.length > small_buffer;
    char* into = room(large ? large_buffer : small_buffer);
    std::size_t n = co_await wire_.read(into, in_.size() - in_to_);
    in_to_ += n;
    body_received_ += n;
    if (n != 0) {
      body_progress_ = clock::now();
    } else if (timed_out_) {
      x.refused.emplace(408, "The body took too long to arrive.");
      co_return true;
    } else {
      co_return false;
    }
  }
  unread_body_ = false;
  body.finish();
  co_return true;
}

// What is wrong with the request before anything knows it. The connection is of no further use.
task<bool> session::refuse(refusal r) {
  std::string id = worker_.request_id();
  response out = text(std::string(r.reason) + "\n", r.status);
  const std::string& body = std::get<std::string>(out.body);
  framing f{.length = body.size(), .chunked = false, .keep = false, .http11 = true};
  unread_body_ = true;
  out_.clear();
  append_head(out_, out, f, worker_.date_line(), id);
  since_ = clock::now();
  enter(phase::writing, since_ + all_.options.body_timeout);
  bool sent = co_await wire_.write(out_, body);
  log::info("http.refused", {{"status", r.status}, {"reason", r.reason}, {"from", from_.from.address}, {"id", id}});
  if (all_.options.observe) all_.options.observe(r.status, verb::other, {}, std::chrono::nanoseconds{0});
  if (sent) co_await linger();
  co_return sent;
}

// A close with unread input would be a reset, which takes the answer from the client again.
task<> session::linger() {
  enter(phase::closing, clock::now() + farewell);
  co_await wire_.finish();
  if (in_from_ == in_to_ && !unread_body_) co_return;
  char* into = room(small_buffer);
  std::size_t size = in_.size() - in_to_;
  for (std::uint64_t discarded = 0; discarded < most_discarded;) {
    std::size_t n = co_await wire_.read_raw(into, size);
    if (n == 0) co_return;
    discarded += n;
  }
}

}  // namespace carrel::http
