#include "web/event_stream.hpp"

#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace carrel::web {
namespace {

constexpr std::chrono::seconds silence{15};

task<> send(const site& at, event_pace pace, std::function<task<std::optional<std::string>>()> look, http::sink& out) {
  auto executor = co_await boost::asio::this_coro::executor;
  boost::asio::steady_timer timer(executor);
  auto end = std::chrono::steady_clock::now() + pace.longest;
  auto sent = std::chrono::steady_clock::now();
  while (std::chrono::steady_clock::now() < end) {
    if (at.with.stopping && at.with.stopping()) co_return;
    task<std::optional<std::string>> looking = look();
    std::optional<std::string> text = co_await std::move(looking);
    if (!text) co_return;
    if (text->empty() && std::chrono::steady_clock::now() - sent >= silence) *text = ": still here\n\n";
    if (!text->empty()) {
      co_await out.write(*text);
      sent = std::chrono::steady_clock::now();
    }
    timer.expires_after(pace.every);
    co_await timer.async_wait(boost::asio::use_awaitable);
  }
}

}  // namespace

std::string event_text(std::string_view name, const json::object& data) {
  return "event: " + std::string(name) + "\ndata: " + json::dump(data) + "\n\n";
}

http::response event_stream(const site& at, event_pace pace, std::function<task<std::optional<std::string>>()> look) {
  http::response out;
  out.set("Content-Type", "text/event-stream").set("Cache-Control", "no-store").set("X-Accel-Buffering", "no");
  http::producer stream = [&at, pace, look = std::move(look)](http::sink& to) { return send(at, pace, look, to); };
  out.body = std::move(stream);
  return out;
}

}  // namespace carrel::web
