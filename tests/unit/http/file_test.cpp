// Answers that are files or are made while they are sent.
#include <atomic>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <catch2/catch.hpp>

#include "client.hpp"
#include "server/http/conditional.hpp"

using namespace carrel;
using namespace carrel::http_tests;
using http::verb;

namespace {

std::string pattern(std::size_t size) {
  std::string out(size, '\0');
  for (std::size_t i = 0; i < size; ++i) out[i] = static_cast<char>(i * 31 + (i >> 13));
  return out;
}

struct file_site : site {
  folder books;
  std::atomic<int> sent_whole = 0, broken_off = 0;

  http::handler serves(std::string name) {
    return [this, path = books.path() / name](http::context& c) { return answer(this, path, &c); };
  }
  static task<http::response> answer(file_site* s, std::filesystem::path path, http::context* c) {
    http::validators v{"\"abc\"", std::nullopt};
    http::response r = http::file(c->in, path, "application/epub+zip", v);
    r.sent = [s](bool complete) { complete ? ++s->sent_whole : ++s->broken_off; };
    co_return r;
  }
};

}  // namespace

TEST_CASE("ten megabytes arrive as they are, whole and in part") {
  std::string content = pattern(10'000'000);
  file_site s;
  s.books.file("big", content);
  s.main.add(verb::get, "/big", s.serves("big"));
  s.start();
  client c(s.port);
  reply r = c.get("/big", "Accept-Encoding: gzip\r\n");
  CHECK(r.header("Content-Length") == "10000000");
  CHECK(r.header("Accept-Ranges") == "bytes");
  CHECK_FALSE(r.header("Content-Encoding"));
  CHECK((r.body == content));
  r = c.get("/big", "Range: bytes=5000000-5999999\r\n");
  CHECK(r.status == 206);
  CHECK(r.header("Content-Range") == "bytes 5000000-5999999/10000000");
  CHECK((r.body == content.substr(5'000'000, 1'000'000)));
  r = c.get("/big", "Range: bytes=-1\r\n");
  CHECK((r.body == content.substr(9'999'999)));
  r = c.get("/big", "Range: bytes=10000000-\r\n");
  CHECK(r.status == 416);
  CHECK(r.header("Content-Range") == "bytes */10000000");
  r = c.get("/big", "Range: bytes=0-9\r\n", "HEAD");
  CHECK(r.status == 200);
  CHECK(r.header("Content-Length") == "10000000");
  CHECK(c.get("/big", "If-None-Match: \"abc\"\r\n").status == 304);
  CHECK(c.get("/big", "Range: bytes=0-3\r\nIf-Range: \"abc\"\r\n").body.size() == 4);
  CHECK(c.get("/big", "Range: bytes=0-3\r\nIf-Range: \"old\"\r\n").body.size() == 10'000'000);
  CHECK(eventually([&] { return s.sent_whole == 8; }));
  CHECK(s.broken_off == 0);
}

TEST_CASE("replacing a file does not mix two contents in one answer") {
  std::string old = pattern(30'000'000);
  file_site s;
  s.books.file("book", old);
  s.main.add(verb::get, "/book", s.serves("book"));
  s.start();
  client c(s.port);
  c.send("GET /book HTTP/1.1\r\nHost: h\r\n\r\n");
  REQUIRE(c.fill());
  s.books.file("new", std::string(30'000'000, 'n'));
  std::filesystem::rename(s.books.path() / "new", s.books.path() / "book");
  CHECK((c.read().body == old));
}

TEST_CASE("a file that became shorter breaks the answer off and says so") {
  file_site s;
  s.books.file("shrinks", pattern(30'000'000));
  s.main.add(verb::get, "/shrinks", s.serves("shrinks"));
  s.main.add(verb::get, "/slice", [&](http::context&) {
    return [](std::filesystem::path p) -> task<http::response> {
      http::response r;
      r.body = http::file_slice{.path = p, .first = 0, .count = 100};
      co_return r;
    }(s.books.path() / "ten");
  });
  s.books.file("ten", "0123456789");
  s.start();
  client c(s.port);
  c.send("GET /shrinks HTTP/1.1\r\nHost: h\r\n\r\n");
  REQUIRE(c.fill());
  std::filesystem::resize_file(s.books.path() / "shrinks", 100);
  reply r = c.read();
  CHECK_FALSE(r.whole);
  CHECK(eventually([&] { return s.broken_off == 1; }));
  r = client(s.port).get("/slice");
  CHECK(r.header("Content-Length") == "100");
  CHECK(r.body == "0123456789");
  CHECK_FALSE(r.whole);
  std::filesystem::remove(s.books.path() / "ten");
  CHECK(client(s.port).get("/slice").status == 404);
}

TEST_CASE("a client that leaves in the middle of a file is noticed") {
  file_site s;
  s.books.file("big", pattern(30'000'000));
  s.main.add(verb::get, "/big", s.serves("big"));
  s.start();
  {
    client c(s.port);
    c.send("GET /big HTTP/1.1\r\nHost: h\r\n\r\n");
    REQUIRE(c.fill());
  }
  CHECK(eventually([&] { return s.broken_off == 1 && s.server->connections() == 0; }));
}

TEST_CASE("a producer is chunked for HTTP/1.1, ends with the connection for HTTP/1.0, and may know its length") {
  site s;
  auto made = [](const char* length) {
    return [length](http::context&) {
      return [](const char* n) -> task<http::response> {
        http::response r = http::text("");
        if (*n) r.add("Content-Length", n);
        r.body = http::producer([](http::sink& out) -> task<> {
          std::string big(100'000, 'b');
          co_await out.write("one,");
          co_await out.write("");
          co_await out.write(big);
          co_await out.write(",three");
        });
        co_return r;
      }(length);
    };
  };
  s.main.add(verb::get, "/made", made(""));
  s.main.add(verb::get, "/sized", made("100010"));
  s.main.add(verb::get, "/short", made("100020"));
  s.main.add(verb::get, "/long", made("5"));
  s.start();
  const std::string wanted = "one," + std::string(100'000, 'b') + ",three";
  client c(s.port);
  reply r = c.get("/made");
  CHECK(r.header("Transfer-Encoding") == "chunked");
  CHECK(r.body == wanted);
  CHECK(c.get("/made", "", "HEAD").status == 200);
  r = c.get("/sized");
  CHECK(r.header("Content-Length") == "100010");
  CHECK_FALSE(r.header("Transfer-Encoding"));
  CHECK(r.body == wanted);
  CHECK(c.get("/sized", "", "HEAD").header("Content-Length") == "100010");
  c.send("GET /made HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
  r = c.read();
  CHECK_FALSE(r.header("Transfer-Encoding"));
  CHECK(r.header("Connection") == "close");
  CHECK(r.body == wanted);
  CHECK_FALSE(client(s.port).get("/short").whole);
  CHECK(client(s.port).get("/long").body == "one,");
}

TEST_CASE("a producer waits for a slow reader and hears when it fails") {
  site s;
  std::atomic<std::size_t> written = 0;
  std::atomic<int> complete = 0, broken = 0;
  s.main.add(verb::get, "/endless", [&](http::context&) {
    return [](std::atomic<std::size_t>* n, std::atomic<int>* ok, std::atomic<int>* bad) -> task<http::response> {
      http::response r = http::text("");
      r.body = http::producer([n](http::sink& out) {
        return [](std::atomic<std::size_t>* count, http::sink* to) -> task<> {
          std::string piece(65536, 'x');
          for (int i = 0; i < 2000; ++i) {
            co_await to->write(piece);
            *count += piece.size();
          }
        }(n, &out);
      });
      r.sent = [ok, bad](bool whole) { whole ? ++*ok : ++*bad; };
      co_return r;
    }(&written, &complete, &broken);
  });
  s.main.add(verb::get, "/throws", [](http::context&) -> task<http::response> {
    http::response r = http::text("");
    r.body = http::producer([](http::sink& out) -> task<> {
      co_await out.write("begun");
      throw std::runtime_error("half way");
    });
    co_return r;
  });
  s.start();
  {
    client c(s.port);
    c.send("GET /endless HTTP/1.1\r\nHost: h\r\n\r\n");
    REQUIRE(c.fill());
    std::size_t before = 0;
    // It comes to rest while nothing is read.
    CHECK(eventually([&] {
      std::size_t now = written;
      ::usleep(30000);
      return now > 0 && now == std::exchange(before, written.load());
    }));
    CHECK(written < 2000UL * 65536);
  }
  CHECK(eventually([&] { return broken == 1; }));
  client c(s.port);
  CHECK(c.get("/endless").body.size() == 2000UL * 65536);
  CHECK(eventually([&] { return complete == 1; }));
  reply r = client(s.port).get("/throws");
  CHECK(r.body == "begun");
  CHECK_FALSE(r.whole);
}
