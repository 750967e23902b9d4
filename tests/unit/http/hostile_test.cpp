// Clients that are broken, slow or mean.
#include <atomic>
#include <catch2/catch.hpp>

#include "client.hpp"

using namespace carrel;
using namespace carrel::http_tests;
using http::verb;
using namespace std::chrono_literals;

TEST_CASE("every malformed request is refused or cut off, and the server goes on") {
  site s;
  s.main.add(verb::get, "/hello", hello);
  s.main.add(verb::post, "/echo", echo);
  s.options.header_timeout = 400ms;
  s.options.body_timeout = 400ms;
  s.start();
  const std::string host = "Host: h\r\n";
  const std::string post = "POST /echo HTTP/1.1\r\nHost: h\r\n";
  const std::string requests[] = {
      // request lines
      "GET\r\n\r\n",
      "GET /hello\r\n\r\n",
      " GET /hello HTTP/1.1\r\n" + host + "\r\n",
      "GET  /hello HTTP/1.1\r\n" + host + "\r\n",
      "GET /hello  HTTP/1.1\r\n" + host + "\r\n",
      "GET /he llo HTTP/1.1\r\n" + host + "\r\n",
      "GET /hello HTTP/1.1 \r\n" + host + "\r\n",
      "GET /hello HTTP/2.0\r\n" + host + "\r\n",
      "GET /hello HTTP/1.9\r\n" + host + "\r\n",
      "GET /hello HTTP/0.9\r\n" + host + "\r\n",
      "GET /hello HTTP/11\r\n" + host + "\r\n",
      "GET /hello http/1.1\r\n" + host + "\r\n",
      "G\x01T /hello HTTP/1.1\r\n" + host + "\r\n",
      "GET\t/hello\tHTTP/1.1\r\n" + host + "\r\n",
      "GET hello HTTP/1.1\r\n" + host + "\r\n",
      "GET * HTTP/1.1\r\n" + host + "\r\n",
      "GET ftp://h/hello HTTP/1.1\r\n" + host + "\r\n",
      "GET http:///hello HTTP/1.1\r\n" + host + "\r\n",
      "GET http://a b/hello HTTP/1.1\r\n" + host + "\r\n",
      "CONNECT h:443 HTTP/1.1\r\n" + host + "\r\n",
      "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
      std::string("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 11),
      std::string(64, '\0'),
      "\r\n\r\n\r\n \r\n\r\n",
      // paths
      "GET /%00 HTTP/1.1\r\n" + host + "\r\n",
      "GET /a%0 HTTP/1.1\r\n" + host + "\r\n",
      "GET /% HTTP/1.1\r\n" + host + "\r\n",
      "GET /%zz HTTP/1.1\r\n" + host + "\r\n",
      "GET /%ff%fe HTTP/1.1\r\n" + host + "\r\n",
      "GET /\xff HTTP/1.1\r\n" + host + "\r\n",
      std::string("GET /hel\0lo HTTP/1.1\r\n", 22) + host + "\r\n",
      // hosts
      "GET /hello HTTP/1.1\r\n\r\n",
      "GET /hello HTTP/1.1\r\nHost:\r\n\r\n",
      "GET /hello HTTP/1.1\r\nHost: a b\r\n\r\n",
      "GET /hello HTTP/1.1\r\nHost: evil.test/path\r\n\r\n",
      "GET /hello HTTP/1.1\r\nHost: <script>\r\n\r\n",
      "GET /hello HTTP/1.1\r\nHost: a@b\r\n\r\n",
      "GET /hello HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n",
      "GET /hello HTTP/1.1\r\nHost: " + std::string(300, 'a') + "\r\n\r\n",
      // header lines
      "GET /hello HTTP/1.1\n" + host + "\n",
      "GET /hello HTTP/1.1\r\nHost: h\n\r\n",
      "GET /hello HTTP/1.1\r\n" + host + "No colon\r\n\r\n",
      "GET /hello HTTP/1.1\r\n" + host + ": no name\r\n\r\n",
      "GET /hello HTTP/1.1\r\n" + host + "X: a\r\n b\r\n\r\n",
      "GET /hello HTTP/1.1\r\n" + host + "X: a\r\n\tb: c\r\n\r\n",
      "GET /hello HTTP/1.1\r\n Host: h\r\n\r\n",
      "GET /hello HTTP/1.1\r\n" + host + "X: a\r\n \r\n\r\n",
      "GET /hello HTTP/1.1\r\n" + host + "Space : x\r\n\r\n",
      "GET /hello HTTP/1.1\r\n" + host +
          "B\x80"
          "d: x\r\n\r\n",
      std::string("GET /hello HTTP/1.1\r\nHost: h\r\nX: a\0b\r\n\r\n", 40),
      "GET /hello HTTP/1.1\r\n" + host + "X: a\rb\r\n\r\n",
      "GET /hello HTTP/1.1\r\n" + host +
          "X: a\x01"
          "b\r\n\r\n",
      "GET /hello HTTP/1.1\r\n" + host + "Connection: ,;,\r\n\r\n",
      // framing, request smuggling
      post + "Content-Length: x\r\n\r\n",
      post + "Content-Length: -1\r\n\r\n",
      post + "Content-Length: +1\r\n\r\na",
      post + "Content-Length: 0x5\r\n\r\nhello",
      post + "Content-Length: 5, 5\r\n\r\nhello",
      post + "Content-Length: 5\r\nContent-Length: 5\r\n\r\nhello",
      post + "Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello!",
      post + "Content-Length: 99999999999999999999999\r\n\r\n",
      post + "Content-Length:\r\n\r\n",
      post + "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
      post + "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n",
      post + "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
      post + "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
      post + "Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n",
      post + "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
      post + "Transfer-Encoding: \"chunked\"\r\n\r\n0\r\n\r\n",
      "POST /echo HTTP/1.0\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
      post + "Transfer-Encoding: chunked\r\n\r\nx\r\n\r\n",
      post + "Transfer-Encoding: chunked\r\n\r\n-5\r\nhello\r\n0\r\n\r\n",
      post + "Transfer-Encoding: chunked\r\n\r\n5\r\nhelloX\r\n0\r\n\r\n",
      post + "Transfer-Encoding: chunked\r\n\r\n5\nhello\n0\n\n",
      post + "Transfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\n",
      post + "Transfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\nx",
      post + "Transfer-Encoding: chunked\r\n\r\n5;" + std::string(40'000, 'x'),
      post + "Transfer-Encoding: chunked\r\n\r\n0\r\n" + std::string(40'000, 'x'),
      post + "Transfer-Encoding: chunked\r\n\r\n0\r\nTrailer without colon\r\n\r\n",
      post + "Expect: 100-continue, more\r\nContent-Length: 1\r\n\r\na",
      post + "Content-Length: 10\r\n\r\nshort",
  };
  CHECK(std::size(requests) >= 70);
  for (const std::string& bytes : requests) {
    INFO(bytes.substr(0, 120));
    client c(s.port);
    c.send(bytes);
    reply r = c.read();
    CHECK((r.status == 0 || (r.status >= 400 && r.status < 500)));
    c.finish_sending();
    CHECK(c.ended());
    CHECK(client(s.port).get("/hello").body == "hello");
  }
}

TEST_CASE("random bytes are survived too") {
  site s;
  s.main.add(verb::get, "/hello", hello);
  s.options.header_timeout = 300ms;
  s.start();
  std::uint64_t x = 88172645463325252ULL;
  for (int i = 0; i < 300; ++i) {
    std::string bytes = i % 2 ? "GET /hello HTTP/1.1\r\nHost: h\r\n" : "";
    for (std::size_t n = 0, size = x % 400; n < size; ++n) {
      x ^= x << 13, x ^= x >> 7, x ^= x << 17;
      bytes += x % 9 == 0 ? "\r\n" : std::string(1, static_cast<char>(x >> 20));
    }
    client c(s.port);
    c.send(bytes + "\r\n\r\n");
    c.finish_sending();
    CHECK(c.read().status < 500);
  }
  CHECK(client(s.port).get("/hello").body == "hello");
}

TEST_CASE("heads that are too long are told which part is") {
  site s;
  s.main.add(verb::get, "/{rest...}", hello);
  s.start();
  struct row {
    std::string request;
    int status;
  };
  std::string many;
  for (int i = 0; i < 201; ++i) many += "X-" + std::to_string(i) + ": y\r\n";
  const row rows[] = {
      {"GET /" + std::string(8'000, 'a') + " HTTP/1.1\r\nHost: h\r\n\r\n", 200},
      {"GET /" + std::string(8'200, 'a') + " HTTP/1.1\r\nHost: h\r\n\r\n", 414},
      {"GET /" + std::string(20'000, 'a'), 414},
      {"GET / HTTP/1.1\r\nHost: h\r\nX: " + std::string(60'000, 'a') + "\r\n\r\n", 200},
      {"GET / HTTP/1.1\r\nHost: h\r\nX: " + std::string(70'000, 'a') + "\r\n\r\n", 431},
      {"GET / HTTP/1.1\r\nHost: h\r\nX: " + std::string(70'000, 'a'), 431},
      {"GET / HTTP/1.1\r\nHost: h\r\n" + many + "\r\n", 431},
  };
  for (const row& x : rows) {
    INFO(x.request.substr(0, 40) << x.request.size());
    client c(s.port);
    c.send(x.request);
    CHECK(c.read().status == x.status);
  }
}

TEST_CASE("a slow head is 408, a silent connection is closed, a good one is not disturbed") {
  site s;
  s.main.add(verb::get, "/hello", hello);
  s.options.header_timeout = 150ms;
  s.options.idle_timeout = 300ms;
  s.start();
  client silent(s.port), slow(s.port);
  // A byte now and then does not prolong the time.
  auto begun = std::chrono::steady_clock::now();
  for (char b : std::string("GET /hello HTTP/1.1\r\nHost: h\r\nX-Slow: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa")) {
    if (!slow.send(std::string_view(&b, 1))) break;
    if (std::chrono::steady_clock::now() - begun > 250ms) break;
    ::usleep(5000);
  }
  CHECK(slow.read().status == 408);
  slow.finish_sending();
  CHECK(slow.ended());
  CHECK(silent.ended());

  client kept(s.port);
  CHECK(kept.get("/hello").status == 200);
  kept.send("GET /hello HTTP/1.1\r\n");  // a further request that never ends
  CHECK(kept.read().status == 408);
  client idle(s.port);
  CHECK(idle.get("/hello").status == 200);
  CHECK(idle.ended());
  CHECK(eventually([&] { return s.server->connections() == 0; }));
}

TEST_CASE("a body that stops or drips is given up") {
  site s;
  s.main.add(verb::post, "/echo", echo, {.body_limit = 1 << 20});
  s.options.body_timeout = 150ms;
  s.start();
  client stops(s.port), drips(s.port);
  stops.send("POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 1000\r\n\r\nabc");
  drips.send("POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 1000\r\n\r\n");
  for (int i = 0; i < 60 && drips.send("a"); ++i) ::usleep(5000);
  CHECK(stops.read().status == 408);
  CHECK(drips.read().status == 408);
}

TEST_CASE("a client that does not read its answer is given up") {
  site s;
  std::atomic<int> broken = 0;
  s.main.add(verb::get, "/big", [&](http::context&) {
    return [](std::atomic<int>* n) -> task<http::response> {
      http::response r = http::text(std::string(30'000'000, 'x'));
      r.sent = [n](bool complete) {
        if (!complete) ++*n;
      };
      co_return r;
    }(&broken);
  });
  s.options.body_timeout = 150ms;
  s.start();
  client c(s.port);
  c.send("GET /big HTTP/1.1\r\nHost: h\r\n\r\n");
  CHECK(eventually([&] { return broken == 1 && s.server->connections() == 0; }));
}

TEST_CASE("a slow reader is not given up while it reads") {
  site s;
  static const std::string content(12'000'000, 's');
  s.main.add(verb::get, "/big", [](http::context&) -> task<http::response> {
    http::response r = http::text(content);
    co_return r;
  });
  s.options.body_timeout = 150ms;
  s.start();
  client c(s.port);
  c.send("GET /big HTTP/1.1\r\nHost: h\r\n\r\n");
  // 64 KiB each 20 ms: the kernel says "writable" much less often than every 150 ms.
  for (int i = 0; i < 90 && c.fill(); ++i) ::usleep(20000);
  reply r = c.read();
  CHECK(r.whole);
  CHECK(r.body.size() == content.size());
}

TEST_CASE("more connections than allowed are turned away with 503") {
  site s;
  s.main.add(verb::get, "/hello", hello);
  s.options.max_connections = 3;
  s.start();
  {
    client a(s.port), b(s.port), c(s.port);
    CHECK(a.get("/hello").status == 200);
    CHECK(b.get("/hello").status == 200);
    CHECK(c.get("/hello").status == 200);
    client d(s.port);
    CHECK(d.read().status == 503);
    CHECK(d.ended());
    CHECK(a.get("/hello").status == 200);
  }
  CHECK(eventually([&] { return s.server->connections() == 0; }));
  CHECK(client(s.port).get("/hello").status == 200);
}
