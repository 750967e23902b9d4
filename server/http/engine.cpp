#include "server/http/engine.hpp"

#include "server/core/clock.hpp"
#include "server/core/random.hpp"
#include "server/http/session.hpp"

namespace carrel::http {

engine::engine(server_options o, router& main_, router& metrics_)
    : options(std::move(o)), main(main_), metrics(metrics_), tls(options.tls_cert, options.tls_key) {}

engine::~engine() = default;

bool engine::admit(const std::string& address, bool exempt) {
  if (connections.fetch_add(1) >= options.max_connections) {
    connections.fetch_sub(1);
    return false;
  }
  if (exempt) return true;
  std::scoped_lock guard(lock);
  unsigned& mine = by_address[address];
  if (mine >= options.per_address) {
    connections.fetch_sub(1);
    return false;
  }
  ++mine;
  return true;
}

void engine::leave(const std::string& address, bool exempt) {
  std::scoped_lock guard(lock);
  if (!exempt) {
    auto mine = by_address.find(address);
    if (mine != by_address.end() && --mine->second == 0) by_address.erase(mine);
  }
  if (connections.fetch_sub(1) == 1) changed.notify_all();
}

void engine::session_ended() {
  std::scoped_lock guard(lock);
  if (sessions.fetch_sub(1) == 1) changed.notify_all();
}

worker::worker(engine& e, unsigned n) : all(e), number(n) {
  std::uint64_t seed = 0;
  random_bytes(&seed, sizeof seed);
  random_.seed(seed);
}

worker::~worker() = default;

void worker::add(session& s) {
  s.place = sessions.size();
  sessions.push_back(&s);
}

void worker::remove(session& s) {
  sessions.back()->place = s.place;
  std::swap(sessions[s.place], sessions.back());
  sessions.pop_back();
}

void worker::arm(clock::time_point due) {
  // Deadlines that lie close together are served by one look.
  due = std::max(due, clock::now() + std::chrono::milliseconds(10));
  if (due >= armed_) return;
  armed_ = due;
  timer_.expires_at(due);
  timer_.async_wait([this](const boost::system::error_code& ec) {
    if (!ec) sweep();
  });
}

void worker::sweep() {
  armed_ = clock::time_point::max();
  clock::time_point now = clock::now(), next = clock::time_point::max();
  std::vector<std::shared_ptr<session>> late;  // what expires may end, and leave `sessions`, at once
  for (session* s : sessions) {
    if (s->due() <= now)
      late.push_back(s->shared_from_this());
    else
      next = std::min(next, s->due());
  }
  for (const auto& s : late) {
    s->expire(now);
    next = std::min(next, s->due());
  }
  if (next != clock::time_point::max()) watch(next);
}

std::string_view worker::date_line() {
  instant at = now();
  if (std::int64_t second = unix_seconds(at); second != date_second_) {
    date_second_ = second;
    date_ = "Date: " + http_date(at) + "\r\n";
  }
  return date_;
}

std::string worker::request_id() {
  constexpr std::string_view letters = "abcdefghijkmnpqrstuvwxyz23456789";
  std::uint64_t bits = random_();
  std::string out(10, '-');
  for (char& c : out) {
    c = letters[bits & 31];
    bits >>= 5;
  }
  return out;
}

}  // namespace carrel::http
