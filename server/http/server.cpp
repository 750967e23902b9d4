#include "server/http/server.hpp"

#include <pthread.h>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <csignal>
#include <thread>

#include "server/core/log.hpp"
#include "server/http/engine.hpp"
#include "server/http/listener.hpp"
#include "server/http/session.hpp"

namespace carrel::http {
namespace {

namespace asio = boost::asio;
using work_guard = asio::executor_work_guard<asio::io_context::executor_type>;

}  // namespace

struct server::state {
  engine all;
  std::vector<std::shared_ptr<acceptor>> acceptors;  // at most one per listen address and thread
  std::vector<worker*> acceptor_worker;
  std::vector<std::thread> threads;
  std::vector<work_guard> guards;
  std::unique_ptr<asio::steady_timer> certificate_timer;

  state(server_options o, router& main, router& metrics) : all(std::move(o), main, metrics) {
    unsigned count = std::max(1U, all.options.threads);
    for (unsigned i = 0; i < count; ++i) all.workers.push_back(std::make_unique<worker>(all, i));
  }

  void watch_certificates() {
    certificate_timer->expires_after(std::chrono::seconds(30));
    certificate_timer->async_wait([this](const boost::system::error_code& ec) {
      if (ec) return;
      if (all.tls.changed()) reload();
      watch_certificates();
    });
  }

  void reload() {
    std::optional<error> e = all.tls.load();
    if (e)
      log::error("http.certificate", {{"error", e->message()}});
    else
      log::info("http.certificate", {{"loaded", all.options.tls_cert}});
  }

  template <class Do>
  void each_session(Do what) {
    for (auto& w : all.workers) {
      asio::post(w->io, [&w = *w, what] {
        std::vector<std::shared_ptr<session>> now;
        for (session* s : w.sessions) now.push_back(s->shared_from_this());
        for (const auto& s : now) what(*s);
      });
    }
  }

  void stop_threads() {
    for (auto& w : all.workers) w->io.stop();
    for (std::thread& t : threads) t.join();
    threads.clear();
  }

  result<std::vector<std::string>> bind() {
    const server_options& o = all.options;
    result<networks> trusted = networks::parse(o.trusted_proxies);
    if (!trusted) return trusted.error();
    all.trusted = std::move(*trusted);
    if (o.tls_cert.empty() != o.tls_key.empty()) return error{"tls", "the certificate and the key are needed both"};
    if (all.tls.used()) {
      if (std::optional<error> e = all.tls.load()) return *e;
    }
    std::vector<std::string> bound;
    for (const listen_address& a : o.listen) {
      bool shared = all.workers.size() > 1 && !a.text.starts_with("unix:");
      // A socket with SO_REUSEPORT would silently share the port with another Carrel of the same user. Asking without it
      // first finds that one.
      if (shared && !a.text.ends_with(":0")) {
        result<listening> probe = listen_on(a.text, false);
        if (!probe) return probe.error();
      }
      std::string text = a.text;
      for (auto& w : all.workers) {
        result<listening> l = listen_on(text, shared);
        if (!l) return l.error();
        text = l->text;  // with the port that was chosen for :0
        int descriptor = l->socket.release();
        acceptors.push_back(std::make_shared<acceptor>(*w, descriptor, *l, a.serves));
        acceptor_worker.push_back(w.get());
        if (!shared) break;
      }
      bound.push_back(text);
    }
    return bound;
  }
};

server::server(server_options o, router& main, router& metrics) : state_(std::make_unique<state>(std::move(o), main, metrics)) {}

server::~server() {
  if (!state_->threads.empty()) {
    abort_drain();
    drain();
  }
  for (const auto& a : state_->acceptors) a->stop();
}

result<std::vector<std::string>> server::bind() { return state_->bind(); }

void server::start() {
  // sendfile() has no flag against the signal.
  std::signal(SIGPIPE, SIG_IGN);
  for (const auto& a : state_->acceptors) a->start();
  if (state_->all.tls.used()) {
    state_->certificate_timer = std::make_unique<asio::steady_timer>(state_->all.workers[0]->io);
    state_->watch_certificates();
  }
  for (auto& w : state_->all.workers) {
    state_->guards.emplace_back(w->io.get_executor());
    state_->threads.emplace_back([&io = w->io, number = w->number] {
      ::pthread_setname_np(::pthread_self(), ("http-" + std::to_string(number)).c_str());
      for (;;) {
        try {
          io.run();
          return;
        } catch (const std::exception& e) {
          log::error("http.thread", {{"error", e.what()}});
        }
      }
    });
  }
}

void server::stop_accepting() {
  for (std::size_t i = 0; i < state_->acceptors.size(); ++i) {
    asio::post(state_->acceptor_worker[i]->io, [a = state_->acceptors[i]] { a->stop(); });
  }
}

void server::drain() {
  engine& all = state_->all;
  if (state_->threads.empty()) return;
  all.draining = true;
  stop_accepting();
  state_->each_session([](session& s) { s.begin_drain(); });
  std::unique_lock guard(all.lock);
  all.changed.wait_for(guard, all.options.drain, [&] { return all.aborted || all.connections == 0; });
  guard.unlock();
  state_->each_session([](session& s) { s.abort(); });
  guard.lock();
  // What was cut off has a moment to unwind on its own thread.
  all.changed.wait_for(guard, std::chrono::seconds(1), [&] { return all.sessions == 0; });
  guard.unlock();
  state_->stop_threads();
}

void server::abort_drain() {
  engine& all = state_->all;
  std::scoped_lock guard(all.lock);
  all.aborted = true;
  all.changed.notify_all();
}

void server::reload_certificates() {
  if (state_->all.tls.used()) state_->reload();
}

asio::any_io_executor server::executor(unsigned thread) { return state_->all.workers.at(thread)->io.get_executor(); }

unsigned server::connections() const { return state_->all.connections; }

void server::set_unavailable(std::function<bool(const std::exception&)> f) { state_->all.unavailable = std::move(f); }

}  // namespace carrel::http
