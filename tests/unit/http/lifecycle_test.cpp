// Start, stop, and what is written to the log.
#include <fcntl.h>

#include <atomic>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <catch2/catch.hpp>
#include <future>
#include <thread>

#include "client.hpp"

using namespace carrel;
using namespace carrel::http_tests;
using http::verb;
using namespace std::chrono_literals;

namespace {

// A handler that waits until the test lets it go.
struct gate {
  std::atomic<int> inside = 0, left = 0;
  std::atomic<bool> open = false;
  http::handler handler() {
    return [this](http::context&) { return wait(this); };
  }
  static task<http::response> wait(gate* g) {
    ++g->inside;
    boost::asio::steady_timer t(co_await boost::asio::this_coro::executor);
    while (!g->open) {
      t.expires_after(2ms);
      co_await t.async_wait(boost::asio::use_awaitable);
    }
    ++g->left;
    co_return http::text("through");
  }
};

// Everything written to standard error meanwhile.
class captured {
 public:
  captured() : old_(::dup(2)) {
    int to = ::open((folder_.path() / "log").c_str(), O_CREAT | O_WRONLY | O_APPEND, 0600);
    ::dup2(to, 2);
    ::close(to);
  }
  ~captured() {
    ::dup2(old_, 2);
    ::close(old_);
  }
  std::string text() const { return content_of(folder_.path() / "log"); }

 private:
  folder folder_;
  int old_;
};

}  // namespace

TEST_CASE("a drain closes idle connections at once and lets busy ones finish") {
  gate g;
  site s;
  s.main.add(verb::get, "/gate", g.handler());
  s.main.add(verb::get, "/hello", hello);
  s.options.threads = 2;
  s.start();
  client idle(s.port), fresh(s.port), busy(s.port);
  CHECK(idle.get("/hello").status == 200);
  busy.send("GET /gate HTTP/1.1\r\nHost: h\r\n\r\n");
  REQUIRE(eventually([&] { return g.inside == 1 && s.server->connections() == 3; }));
  auto drained = std::async(std::launch::async, [&] { s.server->drain(); });
  CHECK(idle.ended());
  CHECK(fresh.ended());
  CHECK(eventually([&] {
    try {
      client late(s.port);
      return false;
    } catch (const std::runtime_error&) {
      return true;
    }
  }));
  CHECK(drained.wait_for(0s) != std::future_status::ready);
  g.open = true;
  reply r = busy.read();
  CHECK(r.body == "through");
  CHECK(r.header("Connection") == "close");
  CHECK(busy.ended());
  REQUIRE(drained.wait_for(5s) == std::future_status::ready);
  CHECK(s.server->connections() == 0);
}

TEST_CASE("event streams end when the drain begins") {
  site s;
  std::atomic<int> told = 0;
  s.main.add(verb::get, "/events",
             [&](http::context&) {
               return [](std::atomic<int>* n) -> task<http::response> {
                 http::response r = http::text("");
                 r.set("Content-Type", "text/event-stream");
                 r.body = http::producer([](http::sink& out) -> task<> {
                   co_await out.write("event: hello\n\n");
                   boost::asio::steady_timer t(co_await boost::asio::this_coro::executor, std::chrono::hours(1));
                   co_await t.async_wait(boost::asio::use_awaitable);
                   co_await out.write("never");
                 });
                 r.sent = [n](bool complete) {
                   if (!complete) ++*n;
                 };
                 co_return r;
               }(&told);
             },
             {.budget = std::chrono::milliseconds(0)});
  s.options.drain = 60s;
  s.start();
  client c(s.port);
  c.send("GET /events HTTP/1.1\r\nHost: h\r\n\r\n");
  REQUIRE(c.fill());
  auto begun = std::chrono::steady_clock::now();
  s.server->drain();
  CHECK(std::chrono::steady_clock::now() - begun < 20s);
  CHECK_FALSE(c.read().whole);
  CHECK(told == 1);
}

TEST_CASE("a drain ends when its time is over, or when somebody insists") {
  for (bool insists : {false, true}) {
    gate g;
    site s;
    s.main.add(verb::get, "/gate", g.handler());
    s.options.drain = insists ? std::chrono::milliseconds(60'000) : std::chrono::milliseconds(100);
    s.start();
    client c(s.port);
    c.send("GET /gate HTTP/1.1\r\nHost: h\r\n\r\n");
    REQUIRE(eventually([&] { return g.inside == 1; }));
    auto drained = std::async(std::launch::async, [&] { s.server->drain(); });
    if (insists) s.server->abort_drain();
    REQUIRE(drained.wait_for(10s) == std::future_status::ready);
    CHECK(c.ended());
    CHECK(g.left == 0);
  }
}

TEST_CASE("a server may go away with everything in the middle of something") {
  gate g;
  site s;
  folder f;
  s.main.add(verb::get, "/gate", g.handler());
  s.main.add(verb::post, "/echo", echo);
  s.start();
  client busy(s.port), head(s.port), body(s.port), silent(s.port);
  busy.send("GET /gate HTTP/1.1\r\nHost: h\r\n\r\n");
  head.send("GET /ga");
  body.send("POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\nabc");
  REQUIRE(eventually([&] { return g.inside == 1 && s.server->connections() == 4; }));
  s.server.reset();
  CHECK(busy.ended());
  CHECK(silent.ended());

  site never_started;
  never_started.server = std::make_unique<http::server>(never_started.options, never_started.main, never_started.metrics);
  CHECK(never_started.server->bind());
}

TEST_CASE("coroutines of others run on the server's threads") {
  site s;
  s.options.threads = 2;
  std::atomic<int> ran = 0;
  s.start();
  for (unsigned i : {0U, 1U}) {
    auto job = [](std::atomic<int>* n) -> task<> {
      boost::asio::steady_timer t(co_await boost::asio::this_coro::executor, std::chrono::milliseconds(5));
      co_await t.async_wait(boost::asio::use_awaitable);
      ++*n;
    };
    boost::asio::co_spawn(s.server->executor(i), job(&ran), boost::asio::detached);
  }
  CHECK(eventually([&] { return ran == 2; }));
}

TEST_CASE("many connections on two threads at once") {
  site s;
  s.options.threads = 2;
  s.main.add(verb::get, "/hello", hello);
  s.main.add(verb::post, "/echo", echo);
  s.start();
  std::atomic<int> good = 0;
  std::vector<std::thread> crowd;
  for (int t = 0; t < 8; ++t) {
    crowd.emplace_back([&] {
      for (int i = 0; i < 20; ++i) {
        client c(s.port);
        for (int k = 0; k < 10; ++k) good += c.get("/hello").body == "hello";
      }
    });
  }
  for (auto& t : crowd) t.join();
  CHECK(good == 8 * 20 * 10);
}

TEST_CASE("one log line per request, without secrets") {
  site s;
  s.main.add(verb::get, "/kobo/{token}/v1/initialization", hello);
  s.main.add(verb::get, "/d/{token}/x", hello);
  s.main.add(verb::get, "/covers/{id}", hello);
  s.main.add(verb::get, "/healthz", hello);
  captured log;
  log::start(log::level::info, "text");
  s.start();
  client c(s.port);
  for (const char* path :
       {"/kobo/SECRET1/v1/initialization?key=SECRET2", "//kobo//SECRET3/v1/initialization", "/%6bobo/SECRET4/nowhere",
        "/d/SECRET5/x", "http://h/kobo/SECRET6/v1/initialization", "/covers/7", "/healthz", "/covers/7/none"}) {
    c.get(path);
  }
  std::string id = *c.get("/healthz?x=SECRET7", "", "HEAD").header("X-Request-Id");
  c.close();
  s.server.reset();
  log::start(log::level::error, "text");
  std::string text = log.text();
  CHECK(text.find("SECRET") == std::string::npos);
  CHECK(text.find("http method=GET path=/kobo/…/v1/initialization status=200 bytes=5 ms=") != std::string::npos);
  CHECK(text.find("path=/kobo/…/nowhere status=404") != std::string::npos);
  CHECK(text.find("path=/d/…/x") != std::string::npos);
  CHECK(text.find("path=/covers/7 ") == std::string::npos);
  CHECK(text.find("path=/covers/7/none status=404") != std::string::npos);
  CHECK(text.find("method=GET path=/healthz") == std::string::npos);
  CHECK(text.find("method=HEAD path=/healthz") != std::string::npos);
  CHECK(text.find("id=" + id) != std::string::npos);
  CHECK(std::count(text.begin(), text.end(), '\n') == 7);
}
