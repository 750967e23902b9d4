// The second half of a session: running the handler and sending what it answers.
#include <algorithm>
#include <array>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <charconv>

#include "server/core/log.hpp"
#include "server/core/text.hpp"
#include "server/http/answer.hpp"
#include "server/http/compress.hpp"
#include "server/http/exchange.hpp"

namespace carrel::http {
namespace {

namespace asio = boost::asio;

constexpr std::size_t copied_chunk = 16 << 10;  // smaller chunks are sent together with their size line

problem server_error(const std::string& id) {
  return {500, "Something went wrong. The log has more under " + id + ".", "internal"};
}

struct client_gone : std::exception {
  const char* what() const noexcept override { return "the client has gone"; }
};

bool without_body(unsigned status) { return status < 200 || status == 204 || status == 304; }

// Parameters called token are secrets in a path (contract.md 5.5).
std::string logged_path(const std::string& path, const request* in, std::string_view pattern) {
  std::string out = log::redact(path);
  if (in && pattern.find("{token}") != std::string_view::npos) {
    std::string token(in->param("token"));
    std::size_t at = token.empty() ? std::string::npos : out.find(token);
    if (at != std::string::npos) out.replace(at, token.size(), "…");
  }
  return out;
}

}  // namespace

void sent_call::tell(bool complete) noexcept {
  std::function<void(bool)> call = std::exchange(call_, nullptr);
  if (!call) return;
  try {
    call(complete);
  } catch (const std::exception& e) {
    log::error("http.sent", {{"error", e.what()}});
  }
}

class session::body_sink final : public sink {
 public:
  body_sink(session& s, bool chunked, std::optional<std::uint64_t> left) : s_(s), chunked_(chunked), left_(left) {}

  task<> write(std::string_view chunk) override {
    if (chunk.empty()) co_return;  // an empty chunk would be the end
    if (s_.abandoned_ || failed) throw client_gone{};
    if (left_ && chunk.size() > *left_) throw std::length_error("the answer is longer than its Content-Length");
    s_.since_ = clock::now();
    s_.enter(phase::writing, s_.since_ + s_.all_.options.body_timeout);
    bool sent = false;
    if (!chunked_) {
      sent = co_await s_.wire_.write(chunk, {});
    } else {
      char digits[20];
      char* end = std::to_chars(digits, digits + sizeof digits, chunk.size(), 16).ptr;
      line_.assign(digits, end).append("\r\n");
      if (chunk.size() <= copied_chunk) {
        line_.append(chunk).append("\r\n");
        sent = co_await s_.wire_.write(line_, {});
      } else {
        sent = co_await s_.wire_.write(line_, chunk, true);
        constexpr std::string_view line_end = "\r\n";
        if (sent) sent = co_await s_.wire_.write(line_end, {});
      }
    }
    if (left_) *left_ -= chunk.size();
    failed = !sent;
    if (!sent || s_.abandoned_) throw client_gone{};
    s_.enter(phase::streaming, s_.producer_due());
  }

  bool complete() const { return !failed && (!left_ || *left_ == 0); }
  bool failed = false;

 private:
  session& s_;
  bool chunked_;
  std::optional<std::uint64_t> left_;
  std::string line_;
};

// How long a producer may think between two writes.
session::clock::time_point session::producer_due() const {
  std::chrono::milliseconds budget = current_->route.options.budget;
  return budget.count() > 0 ? clock::now() + budget : clock::time_point::max();
}

response session::failure(exchange& x, std::exception_ptr reason) {
  problem p{500, ""};
  try {
    std::rethrow_exception(std::move(reason));
  } catch (const problem& thrown) {
    p = thrown;
  } catch (const std::exception& e) {
    bool away = all_.unavailable && all_.unavailable(e);
    if (away) {
      p = problem{503, "The database is away. Please try again in a few seconds.", "unavailable"};
      p.headers.emplace_back("Retry-After", "5");
    } else {
      p = server_error(x.id);
    }
    log::error(away ? "http.unavailable" : "http.failed",
               {{"error", e.what()}, {"path", logged_path(x.path, x.in ? &*x.in : nullptr, x.route.pattern)}, {"id", x.id}});
  } catch (...) {
    p = server_error(x.id);
    log::error("http.failed", {{"error", "unknown"}, {"id", x.id}});
  }
  return render(p, &x.route, x.c ? &*x.c : nullptr);
}

session::clock::time_point session::next_look() const {
  constexpr std::chrono::seconds between{1};  // looks for a client that has hung up
  return std::min(current_->c->deadline, clock::now() + between);
}

// False when the connection was given up meanwhile.
task<bool> session::call(exchange& x, const handler& run, response& out) {
  current_ = &x;
  enter(phase::handling, next_look());
  try {
    out = co_await run(*x.c);
  } catch (...) {
    x.failed = std::current_exception();
  }
  current_ = nullptr;
  if (!abandoned_) co_return true;
  if (!x.failed) sent_call(std::move(out.sent)).tell(false);
  co_return false;
}

// Asks before a large body is taken, or anybody could fill the disk. Who is not welcome has been answered.
task<bool> session::admit(exchange& x, bool& welcome) {
  request::parts parts = x.h.parts;
  auto params = x.route.params;
  x.open(nullptr);
  response r;
  welcome = false;
  bool here = co_await call(x, *x.route.admit, r);
  if (!here) co_return false;
  welcome = !x.failed && r.status == 204;
  if (welcome) {
    x.reopen(std::move(parts), std::move(params));
    co_return true;
  }
  if (x.failed) r = failure(x, x.failed);
  bool again = co_await respond(x, std::move(r));
  co_return again;
}

task<bool> session::run_handler(exchange& x) {
  response r;
  if (x.refused) {
    r = render(*x.refused, &x.route, &*x.c);
  } else if (!x.failed) {
    bool here = co_await call(x, *x.route.run, r);
    if (!here) co_return false;
  }
  if (x.failed) r = failure(x, x.failed);
  bool again = co_await respond(x, std::move(r));
  co_return again;
}

task<bool> session::respond(exchange& x, response r) {
  sent_call sent(std::move(r.sent));
  if (auto* unopened = std::get_if<file_slice>(&r.body); unopened && !unopened->opened) {
    unopened->opened = open_to_read(unopened->path);
    if (!unopened->opened) {
      sent.tell(false);
      problem missing{404, "The file is missing.", "not_found"};
      r = render(missing, &x.route, &*x.c);
    }
  }
  compress(*x.in, r);
  auto* whole = std::get_if<std::string>(&r.body);
  auto* slice = std::get_if<file_slice>(&r.body);
  bool streamed = !whole && !slice;
  bool is_head = x.method() == verb::head;
  bool bodyless = without_body(r.status);

  framing f{.length = std::nullopt, .chunked = false, .keep = x.keep && !all_.draining && !unread_body_, .http11 = x.h.http11};
  // A handler that renders nothing for HEAD does not know the length either (opds.md 3.1).
  if (whole && !bodyless && !(is_head && whole->empty())) f.length = whole->size();
  if (slice && !bodyless) f.length = slice->count;
  std::optional<std::uint64_t> declared;
  if (streamed && !bodyless) {
    if (const std::string* length = r.find("Content-Length")) {
      if (std::optional<std::int64_t> n = to_integer(*length); n && *n >= 0) declared = static_cast<std::uint64_t>(*n);
    }
    if (!declared && !is_head) {
      f.chunked = x.h.http11;
      f.keep = f.keep && f.chunked;
    }
  }

  out_.clear();
  append_head(out_, r, f, worker_.date_line(), x.id);
  std::uint64_t before = wire_.written() + out_.size();
  since_ = clock::now();
  enter(phase::writing, since_ + all_.options.body_timeout);
  bool done = false;
  if (is_head || bodyless) {
    done = co_await wire_.write(out_, {});
  } else if (whole) {
    done = co_await wire_.write(out_, *whole);
  } else if (slice) {
    done = co_await wire_.write(out_, {}, slice->count > 0);
    if (done && slice->count > 0) done = co_await wire_.send_file(slice->opened->descriptor, slice->first, slice->count);
  } else {
    done = co_await wire_.write(out_, {});
    if (done) done = co_await stream(x, std::get<producer>(r.body), f.chunked, declared);
  }
  std::uint64_t after = wire_.written();
  record(x, r.status, after > before ? after - before : 0);
  sent.tell(done);
  co_return done&& f.keep && !abandoned_;
}

task<bool> session::stream(exchange& x, producer& body, bool chunked, std::optional<std::uint64_t> declared) {
  body_sink out(*this, chunked, declared);
  current_ = &x;
  in_producer_ = true;
  enter(phase::streaming, producer_due());
  bool finished = false;
  try {
    co_await body(out);
    finished = true;
  } catch (const client_gone&) {
  } catch (const std::exception& e) {
    if (!abandoned_ && !out.failed) log::error("http.broken_off", {{"error", e.what()}, {"id", x.id}});
  }
  current_ = nullptr;
  in_producer_ = false;
  if (abandoned_ || !finished || !out.complete()) co_return false;
  if (!chunked) co_return true;
  constexpr std::string_view last = "0\r\n\r\n";
  since_ = clock::now();
  enter(phase::writing, since_ + all_.options.body_timeout);
  bool sent = co_await wire_.write(last, {});
  co_return sent;
}

// The handler has used up its time. It may go on, into nothing; what it refers to lives in its own frames until then.
void session::answer_late(exchange& x) {
  problem p{504, "The answer took too long.", "timeout"};
  response r = render(p, &x.route, &*x.c);
  if (!std::holds_alternative<std::string>(r.body)) r = render(p, nullptr, nullptr);
  const std::string& body = std::get<std::string>(r.body);
  framing f{.length = body.size(), .chunked = false, .keep = false, .http11 = x.h.http11};
  std::string answer;
  append_head(answer, r, f, worker_.date_line(), x.id);
  if (x.method() != verb::head) answer += body;
  record(x, r.status, body.size());
  abandoned_ = true;
  asio::co_spawn(worker_.io, write_late(shared_from_this(), std::move(answer)), asio::detached);
  cancelled_.emit(asio::cancellation_type::terminal);
}

task<> session::write_late(std::shared_ptr<session> self, std::string answer) {
  self->enter(phase::closing, clock::now() + std::chrono::seconds(2));
  bool sent = co_await self->wire_.write(answer, {});
  if (sent) co_await self->wire_.finish();
  self->wire_.close();
  self->leave();
}

void session::record(const exchange& x, unsigned status, std::uint64_t bytes) {
  auto took = clock::now() - x.started;
  verb method = x.method();
  if (all_.options.observe) {
    all_.options.observe(status, method, x.route.pattern, std::chrono::duration_cast<std::chrono::nanoseconds>(took));
  }
  bool quiet =
      method == verb::get && (status == 200 || status == 304) && (x.path.starts_with("/covers/") || x.path == "/healthz");
  log::level at = quiet ? log::level::debug : log::level::info;
  if (!log::enabled(at)) return;
  double milliseconds = std::chrono::duration<double, std::milli>(took).count();
  char shown[32];
  *std::to_chars(shown, shown + sizeof shown - 1, milliseconds, std::chars_format::fixed, 1).ptr = '\0';
  log::write(at, "http",
             {{"method", name_of(method)},
              {"path", logged_path(x.path, x.in ? &*x.in : nullptr, x.route.pattern)},
              {"status", status},
              {"bytes", bytes},
              {"ms", shown},
              {"id", x.id}});
}

}  // namespace carrel::http
