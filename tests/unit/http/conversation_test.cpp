// Requests and answers over a real socket.
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <catch2/catch.hpp>

#include <algorithm>
#include <atomic>

#include "client.hpp"
#include "server/http/conditional.hpp"
#include "tests/harness/gzip.hpp"

using namespace carrel;
using namespace carrel::http_tests;
using http::verb;

namespace {

task<http::response> who(http::context& c) {
  std::string out = std::string(c.in.param("id")) + "|" + std::string(c.in.header("x-auth-user").value_or("-")) + "|" +
                    c.in.host() + "|" + c.in.scheme() + "|" + c.in.client_address();
  co_return http::text(out);
}

task<http::response> wait_long(http::context&) {
  boost::asio::steady_timer t(co_await boost::asio::this_coro::executor, std::chrono::seconds(30));
  co_await t.async_wait(boost::asio::use_awaitable);
  co_return http::text("late");
}

}  // namespace

TEST_CASE("one connection serves request after request, with every standing header") {
  site s;
  s.main.add(verb::get, "/x/{id}", who);
  s.start();
  client c(s.port);
  for (int i = 0; i < 3; ++i) {
    reply r = c.get("/x/" + std::to_string(i) + "%20b", "X-Auth-User:  Zo\xC3\xAB \r\n");
    CHECK(r.status == 200);
    CHECK(r.body == std::to_string(i) + " b|Zoë|library.test|http|127.0.0.1");
    CHECK(r.header("X-Content-Type-Options") == "nosniff");
    CHECK(r.header("Referrer-Policy") == "same-origin");
    CHECK(r.header("Cross-Origin-Resource-Policy") == "same-origin");
    CHECK(r.header("Server") == "Carrel");
    CHECK(r.header("X-Request-Id")->size() == 10);
    CHECK(r.header("Date")->ends_with(" GMT"));
    CHECK(r.header("Content-Type") == "text/plain; charset=utf-8");
    CHECK_FALSE(r.header("Connection"));
  }
  reply r = c.get("/x/9", "Connection: close, TE\r\n");
  CHECK(r.header("Connection") == "close");
  CHECK(c.ended());
  CHECK(eventually([&] { return s.server->connections() == 0; }));
}

TEST_CASE("requests that arrive together are answered in order") {
  site s;
  s.main.add(verb::get, "/x/{id}", who);
  s.main.add(verb::post, "/echo", echo);
  s.start();
  client c(s.port);
  std::string all;
  for (int i = 0; i < 200; ++i) {
    all += "GET /x/" + std::to_string(i) + " HTTP/1.1\r\nHost: h\r\n\r\n";
    all += "POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\n\r\nab" + std::to_string(10 + i % 90) + "\r\n";
  }
  c.send(all);
  for (int i = 0; i < 200; ++i) {
    CHECK(c.read().body.starts_with(std::to_string(i) + "|"));
    CHECK(c.read().body == "ab" + std::to_string(10 + i % 90));
  }
}

TEST_CASE("a request may come byte by byte") {
  site s;
  s.main.add(verb::post, "/echo", echo);
  s.start();
  client c(s.port);
  std::string request =
      "POST /echo HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3;x=y\r\nabc\r\n2\r\nde\r\n0\r\nTrailer: x\r\n\r\n";
  for (int round = 0; round < 2; ++round) {
    for (char b : request) c.send(std::string_view(&b, 1));
    CHECK(c.read().body == "abcde");
  }
}

TEST_CASE("HTTP/1.0 closes unless asked to stay, and needs no Host") {
  site s;
  s.main.add(verb::get, "/x/{id}", who);
  s.start();
  client c(s.port);
  c.send("GET /x/1 HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
  reply r = c.read();
  CHECK(r.header("Connection") == "keep-alive");
  CHECK(r.body == "1|-|localhost:" + std::to_string(s.port) + "|http|127.0.0.1");
  c.send("GET /x/2 HTTP/1.0\r\n\r\n");
  CHECK(c.read().header("Connection") == "close");
  CHECK(c.ended());
}

TEST_CASE("HEAD has the headers of GET and no body") {
  site s;
  s.main.add(verb::get, "/hello", hello);
  s.main.add(verb::get, "/unrendered", [](http::context&) -> task<http::response> {
    http::response r = http::text("");
    co_return r;
  });
  s.start();
  client c(s.port);
  reply r = c.get("/hello", "", "HEAD");
  CHECK(r.status == 200);
  CHECK(r.header("Content-Length") == "5");
  r = c.get("/unrendered", "", "HEAD");
  CHECK_FALSE(r.header("Content-Length"));
  CHECK(c.get("/hello").body == "hello");  // nothing was left in between
  CHECK(c.get("/nowhere", "", "HEAD").status == 404);
  CHECK(c.get("/hello").body == "hello");
}

TEST_CASE("targets in absolute form and OPTIONS *") {
  site s;
  s.main.add(verb::get, "/x/{id}", who);
  s.start();
  client c(s.port);
  c.send("GET http://Other.test:80/x/1?q HTTP/1.1\r\nHost: ignored\r\n\r\n");
  CHECK(c.read().body == "1|-|Other.test|http|127.0.0.1");
  c.send("OPTIONS * HTTP/1.1\r\nHost: h\r\n\r\n");
  CHECK(c.read().status == 204);
  c.send("OPTIONS /x/1 HTTP/1.1\r\nHost: h\r\n\r\n");
  CHECK(c.read().header("Allow") == "GET, HEAD, OPTIONS");
  c.send("REPORT /x/1 HTTP/1.1\r\nHost: h\r\n\r\n");
  CHECK(c.read().status == 405);
}

TEST_CASE("problems are rendered by the group, or as one line") {
  site s;
  auto fails = [](http::context& c) -> task<http::response> {
    std::string what(c.in.query("what").value_or(""));
    if (what == "problem") {
      http::problem p{429, "slow down", "slow"};
      p.headers.emplace_back("Retry-After", "9");
      p.headers.emplace_back("WWW-Authenticate", "Basic");
      p.headers.emplace_back("WWW-Authenticate", "Bearer");
      throw p;
    }
    if (what == "away") throw std::runtime_error("database away");
    if (what == "int") throw 5;
    throw std::runtime_error("secret detail");
    co_return http::text("");
  };
  auto errors = [](const http::context& c, const http::problem& p) {
    return http::json("{\"code\":\"" + p.code + "\",\"id\":\"" + c.request_id + "\"}", p.status);
  };
  s.main.add(verb::get, "/plain", fails);
  s.main.group("/g", errors).add(verb::get, "/json", fails);
  s.main.group("/broken", [](const http::context&, const http::problem&) -> http::response { throw std::runtime_error("x"); });
  s.unavailable = "database away";
  log::start(log::level::error, "text");
  s.start();
  client c(s.port);
  reply r = c.get("/plain?what=problem");
  CHECK(r.status == 429);
  CHECK(r.body == "slow down\n");
  CHECK(r.header("Retry-After") == "9");
  r = c.get("/g/json?what=problem");
  CHECK(r.body == "{\"code\":\"slow\",\"id\":\"" + *r.header("X-Request-Id") + "\"}");
  CHECK(r.header("Content-Type") == "application/json");
  CHECK(r.header("Retry-After") == "9");
  CHECK(std::count_if(r.headers.begin(), r.headers.end(), [](const auto& h) { return h.first == "WWW-Authenticate"; }) == 2);
  r = c.get("/g/json?what=away");
  CHECK(r.status == 503);
  CHECK(r.header("Retry-After") == "5");
  r = c.get("/plain");
  CHECK(r.status == 500);
  CHECK(r.body.find("secret") == std::string::npos);
  CHECK(r.body.find(*r.header("X-Request-Id")) != std::string::npos);
  CHECK(c.get("/plain?what=int").status == 500);
  CHECK(c.get("/g/nowhere").body.find("not_found") != std::string::npos);
  for (std::string odd : {"%00", "%ff", "%", "%zz"}) {
    r = c.get("/g/json/" + odd);
    CHECK(r.status == 400);
    CHECK(r.body.find("bad_address") != std::string::npos);
    CHECK(c.get("/" + odd).body == "The address is malformed.\n");
  }
  CHECK(c.get("/broken/nowhere").body == "Not found.\n");
  r = c.get("/g/json", "", "DELETE");
  CHECK(r.status == 405);
  CHECK(r.header("Allow") == "GET, HEAD, OPTIONS");
}

TEST_CASE("headers a handler sets are kept, and cannot break the answer apart") {
  site s;
  s.main.add(verb::get, "/x", [](http::context&) -> task<http::response> {
    http::response r = http::text("x");
    r.add("Referrer-Policy", "no-referrer");
    r.add("cross-origin-resource-policy", "cross-origin");
    r.add("Set-Cookie", "a=1\r\nEvil: yes");
    r.add("Content-Length", "999");
    r.add("Connection", "upgrade");
    co_return r;
  });
  s.start();
  client c(s.port);
  reply r = c.get("/x");
  CHECK(r.header("Referrer-Policy") == "no-referrer");
  CHECK(r.header("Cross-Origin-Resource-Policy") == "cross-origin");
  CHECK(r.header("Set-Cookie") == "a=1  Evil: yes");
  CHECK_FALSE(r.header("Evil"));
  CHECK_FALSE(r.header("Connection"));
  CHECK(r.header("Content-Length") == "1");
  CHECK(r.body == "x");
}

TEST_CASE("text is compressed only when asked for and worth it") {
  static const std::string feed(5000, 'f');
  site s;
  auto page = [](const char* type, const char* extra) {
    return [type = std::string(type), extra = std::string(extra)](http::context& c) {
      http::validators v{"\"7-1\"", std::nullopt};
      return [](std::string t, std::string e, http::validators tag, const http::request* in) -> task<http::response> {
        if (http::unchanged(*in, tag)) co_return http::not_modified(tag);
        http::response r = http::xml(feed, t).with("ETag", tag.etag);
        if (!e.empty()) r.add(e.substr(0, e.find(':')), e.substr(e.find(':') + 1));
        co_return r;
      }(type, extra, v, &c.in);
    };
  };
  s.main.add(verb::get, "/feed", page("application/atom+xml;profile=opds-catalog", "Vary:Authorization"));
  s.main.add(verb::get, "/json", page("application/json", ""));
  s.main.add(verb::get, "/epub", page("application/epub+zip", ""));
  s.main.add(verb::get, "/opt-out", page("text/html", "Content-Encoding:identity"));
  s.main.add(verb::get, "/encoded", page("text/html", "Content-Encoding:br"));
  s.main.add(verb::get, "/no-transform", page("text/html", "Cache-Control:private, no-transform"));
  s.main.add(verb::get, "/kosync/x", page("application/json", ""));
  s.main.add(verb::get, "/small", hello);
  s.start();
  client c(s.port);

  reply r = c.get("/feed", "Accept-Encoding: deflate, gzip;q=0.5\r\n");
  CHECK(r.header("Content-Encoding") == "gzip");
  CHECK(r.header("ETag") == "\"7-1-gz\"");
  CHECK(r.header("Vary") == "Authorization, Accept-Encoding");
  CHECK(r.body.size() < 200);
  CHECK(harness::unpacked(r.body) == feed);

  r = c.get("/feed", "Accept-Encoding: gzip\r\nIf-None-Match: \"7-1-gz\"\r\n");
  CHECK(r.status == 304);
  CHECK(r.header("ETag") == "\"7-1-gz\"");
  CHECK(c.get("/feed", "If-None-Match: \"7-1\"\r\n").header("ETag") == "\"7-1\"");

  for (const char* accept : {"identity", "gzip;q=0", "gzip; q=0.0, *", "br, deflate", ""}) {
    INFO(accept);
    r = c.get("/json", "Accept-Encoding: " + std::string(accept) + "\r\n");
    CHECK_FALSE(r.header("Content-Encoding"));
    CHECK(r.header("ETag") == "\"7-1\"");
    CHECK(r.header("Vary") == "Accept-Encoding");
    CHECK(r.body == feed);
  }
  for (const char* path : {"/epub", "/opt-out", "/no-transform", "/kosync/x", "/small"}) {
    INFO(path);
    r = c.get(path, "Accept-Encoding: gzip\r\n");
    CHECK_FALSE(r.header("Content-Encoding"));
    CHECK_FALSE(r.header("Vary"));
  }
  CHECK(c.get("/encoded", "Accept-Encoding: gzip\r\n").header("Content-Encoding") == "br");
}

TEST_CASE("a handler that takes too long is answered 504, and nobody waits for it") {
  site s;
  s.main.add(verb::get, "/slow", wait_long, {.budget = std::chrono::milliseconds(50)});
  s.main.add(verb::get, "/hello", hello);
  std::atomic<int> seen = 0;
  s.options.observe = [&](unsigned status, verb, std::string_view pattern, std::chrono::nanoseconds) {
    if (status == 504 && pattern == "/slow") ++seen;
  };
  s.start();
  client c(s.port);
  reply r = c.get("/slow");
  CHECK(r.status == 504);
  CHECK(r.header("Connection") == "close");
  CHECK(r.whole);
  CHECK(c.ended());
  CHECK(seen == 1);
  client d(s.port);
  CHECK(d.get("/hello").body == "hello");
  CHECK(eventually([&] { return s.server->connections() == 1; }));
}

TEST_CASE("a client that hangs up while its handler runs harms nobody") {
  site s;
  std::atomic<int> entered = 0, told = 0;
  s.main.add(verb::get, "/wait", [&](http::context&) {
    return [](std::atomic<int>* in, std::atomic<int>* out) -> task<http::response> {
      ++*in;
      boost::asio::steady_timer t(co_await boost::asio::this_coro::executor, std::chrono::milliseconds(50));
      co_await t.async_wait(boost::asio::use_awaitable);
      http::response r = http::text(std::string(1 << 20, 'x'));
      r.sent = [out](bool) { ++*out; };
      co_return r;
    }(&entered, &told);
  });
  s.main.add(verb::get, "/hello", hello);
  s.start();
  for (int i = 0; i < 20; ++i) {
    client c(s.port);
    c.send("GET /wait HTTP/1.1\r\nHost: h\r\n\r\n");
  }
  CHECK(eventually([&] { return told == 20; }));
  CHECK(entered == 20);
  client c(s.port);
  CHECK(c.get("/hello").body == "hello");
}

TEST_CASE("a client that hangs up ends the work it waited for") {
  site s;
  std::atomic<int> entered = 0, ended = 0;
  std::atomic<unsigned> noted = 0;
  s.main.add(verb::get, "/long",
             [&](http::context&) {
               return [](std::atomic<int>* in, std::atomic<int>* out) -> task<http::response> {
                 ++*in;
                 auto leave = [out](void*) { ++*out; };
                 std::unique_ptr<void, decltype(leave)> left(out, leave);
                 boost::asio::steady_timer t(co_await boost::asio::this_coro::executor, std::chrono::minutes(1));
                 co_await t.async_wait(boost::asio::use_awaitable);
                 co_return http::text("late");
               }(&entered, &ended);
             },
             {.budget = std::chrono::minutes(1)});
  s.options.observe = [&](unsigned status, verb, std::string_view, std::chrono::nanoseconds) { noted = status; };
  s.start();
  client stays(s.port);
  stays.send("GET /long HTTP/1.1\r\nHost: h\r\n\r\n");
  {
    client c(s.port);
    c.send("GET /long HTTP/1.1\r\nHost: h\r\n\r\n");
    CHECK(eventually([&] { return entered == 2; }));
  }
  CHECK(eventually([&] { return ended == 1; }));
  CHECK(eventually([&] { return s.server->connections() == 1; }));
  CHECK(noted == 499);
}
