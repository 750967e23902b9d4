#include "server/db/notify.hpp"

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <condition_variable>
#include <map>
#include <mutex>
#include <set>
#include <thread>
#include <vector>

#include "server/core/error.hpp"
#include "server/core/log.hpp"
#include "server/core/thread.hpp"
#include "server/db/connection.hpp"

namespace carrel::db {
namespace {

using namespace std::chrono_literals;

constexpr auto longest_delay = 5000ms;
constexpr auto listen_patience = 2000ms;

bool valid_channel(const std::string& name) {
  auto allowed = [](char c) { return (c >= 'a' && c <= 'z') || c == '_'; };
  return !name.empty() && name.size() < 64 && std::all_of(name.begin(), name.end(), allowed);
}

}  // namespace

struct notifier::state {
  struct listener {
    std::string channel;
    std::function<void(const std::string&)> call;
  };

  explicit state(std::string url_) : url(std::move(url_)), wake(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
    if (wake < 0) throw std::runtime_error("eventfd failed");
  }
  ~state() { ::close(wake); }

  const std::string url;
  const int wake;

  std::mutex mutex;
  std::condition_variable changed;
  std::map<unsigned, listener> listeners;
  std::set<std::string> in_effect;  // channels the server knows about
  unsigned last_id = 0;
  unsigned calling = 0;  // the listener whose function runs just now
  bool connected = false;
  bool stopping = false;
  std::thread thread;

  void ring_wake() const {
    std::uint64_t one = 1;
    [[maybe_unused]] ssize_t n = ::write(wake, &one, sizeof one);
  }

  void call_one(unsigned id, const std::string& payload);
  void call_channel(const std::string& channel, const std::string& payload);
  void call_everyone();
  void sleep(std::chrono::milliseconds);
  void follow(connection&);
  void serve(connection&);
  void run();
};

void notifier::state::call_one(unsigned id, const std::string& payload) {
  std::function<void(const std::string&)> call;
  {
    std::lock_guard lock(mutex);
    auto hit = listeners.find(id);
    if (hit == listeners.end()) return;
    call = hit->second.call;
    calling = id;
  }
  try {
    call(payload);
  } catch (const std::exception& e) {
    log::error("db.listener_failed", {{"reason", e.what()}});
  }
  std::lock_guard lock(mutex);
  calling = 0;
  changed.notify_all();
}

void notifier::state::call_channel(const std::string& channel, const std::string& payload) {
  std::vector<unsigned> ids;
  {
    std::lock_guard lock(mutex);
    for (const auto& [id, l] : listeners) {
      if (l.channel == channel) ids.push_back(id);
    }
  }
  for (unsigned id : ids) call_one(id, payload);
}

void notifier::state::call_everyone() {
  std::vector<unsigned> ids;
  {
    std::lock_guard lock(mutex);
    for (const auto& [id, l] : listeners) ids.push_back(id);
  }
  for (unsigned id : ids) call_one(id, "");
}

void notifier::state::sleep(std::chrono::milliseconds time) {
  std::unique_lock lock(mutex);
  changed.wait_for(lock, time, [&] { return stopping; });
}

// Makes the session listen to what the listeners want.
void notifier::state::follow(connection& link) {
  std::set<std::string> wanted;
  std::set<std::string> have;
  {
    std::lock_guard lock(mutex);
    for (const auto& [id, l] : listeners) wanted.insert(l.channel);
    have = in_effect;
  }
  for (const std::string& channel : wanted) {
    if (!have.contains(channel)) {
      link.listen(channel, [this, channel](const std::string& payload) { call_channel(channel, payload); });
    }
  }
  for (const std::string& channel : have) {
    if (!wanted.contains(channel)) link.unlisten(channel);
  }
  std::lock_guard lock(mutex);
  in_effect = std::move(wanted);
  changed.notify_all();
}

void notifier::state::serve(connection& link) {
  while (true) {
    {
      std::lock_guard lock(mutex);
      if (stopping) return;
    }
    follow(link);
    link.take_notifications();
    pollfd fds[] = {{link.socket(), POLLIN, 0}, {wake, POLLIN, 0}};
    ::poll(fds, 2, -1);
    std::uint64_t rings = 0;
    [[maybe_unused]] ssize_t n = ::read(wake, &rings, sizeof rings);
  }
}

void notifier::state::run() {
  std::chrono::milliseconds delay = 0ms;
  bool missed_something = false;
  while (true) {
    {
      std::lock_guard lock(mutex);
      if (stopping) return;
    }
    try {
      connection link(session{url, "carrel listen", 30'000ms});
      follow(link);
      {
        std::lock_guard lock(mutex);
        connected = true;
      }
      if (missed_something) {
        log::info("db.listening_again");
        call_everyone();
      }
      delay = 0ms;
      serve(link);
    } catch (const failure& e) {
      if (delay == 0ms) log::warn("db.listen_lost", {{"reason", e.what()}});
      missed_something = true;
    }
    {
      std::lock_guard lock(mutex);
      connected = false;
      in_effect.clear();
      changed.notify_all();
    }
    delay = std::clamp<std::chrono::milliseconds>(delay * 2, 50ms, longest_delay);
    sleep(delay);
  }
}

notifier::notifier(std::string url) : state_(std::make_unique<state>(std::move(url))) {
  state_->thread = quiet_thread([s = state_.get()] { s->run(); });
}

notifier::~notifier() {
  {
    std::lock_guard lock(state_->mutex);
    state_->stopping = true;
    state_->changed.notify_all();
  }
  state_->ring_wake();
  state_->thread.join();
}

unsigned notifier::listen(const std::string& channel, std::function<void(const std::string&)> call) {
  CARREL_EXPECT(valid_channel(channel));
  state& s = *state_;
  std::unique_lock lock(s.mutex);
  unsigned id = ++s.last_id;
  s.listeners.emplace(id, state::listener{channel, std::move(call)});
  s.ring_wake();
  if (std::this_thread::get_id() == s.thread.get_id()) return id;
  s.changed.wait_for(lock, listen_patience, [&] { return s.stopping || !s.connected || s.in_effect.contains(channel); });
  return id;
}

void notifier::forget(unsigned id) {
  state& s = *state_;
  std::unique_lock lock(s.mutex);
  s.listeners.erase(id);
  s.ring_wake();
  if (std::this_thread::get_id() == s.thread.get_id()) return;
  s.changed.wait(lock, [&] { return s.calling != id; });
}

bool notifier::connected() const {
  std::lock_guard lock(state_->mutex);
  return state_->connected;
}

}  // namespace carrel::db
