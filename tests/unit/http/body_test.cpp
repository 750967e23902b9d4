// Request bodies: limits, framing, files.
#include <atomic>
#include <catch2/catch.hpp>

#include "client.hpp"

using namespace carrel;
using namespace carrel::http_tests;
using http::verb;

namespace {

std::string post(const std::string& path, const std::string& headers, const std::string& body = "") {
  return "POST " + path + " HTTP/1.1\r\nHost: h\r\n" + headers + "\r\n" + body;
}

std::string sized(const std::string& path, const std::string& body) {
  return post(path, "Content-Length: " + std::to_string(body.size()) + "\r\n", body);
}

std::string chunked(const std::string& body, std::size_t piece) {
  std::string out;
  char size[32];
  for (std::size_t at = 0; at < body.size(); at += piece) {
    std::string part = body.substr(at, piece);
    std::snprintf(size, sizeof size, "%zx\r\n", part.size());
    out += size + part + "\r\n";
  }
  return out + "0\r\n\r\n";
}

task<http::response> digest(http::context& c) {
  std::uint64_t sum = 0;
  for (unsigned char b : c.in.body()) sum = sum * 31 + b;
  co_return http::text(std::to_string(c.in.body().size()) + ":" + std::to_string(sum) + ":" + std::to_string(c.in.body_size()));
}

}  // namespace

TEST_CASE("a body of exactly the limit is read, one byte more is 413 before it is read") {
  site s;
  auto errors = [](const http::context&, const http::problem& p) {
    return http::json("{\"code\":\"" + p.code + "\"}", p.status);
  };
  s.main.group("/g", errors).add(verb::post, "/echo", echo, {.body_limit = 100});
  s.start();
  client c(s.port);
  c.send(sized("/g/echo", std::string(100, 'x')));
  CHECK(c.read().body == std::string(100, 'x'));
  c.send(post("/g/echo", "Content-Length: 101\r\n"));  // no body follows: the head alone decides
  reply r = c.read();
  CHECK(r.status == 413);
  CHECK(r.body == "{\"code\":\"too_large\"}");
  CHECK(r.header("Connection") == "close");
  c.finish_sending();
  CHECK(c.ended());
}

TEST_CASE("413 reaches a client that goes on sending") {
  site s;
  s.main.add(verb::post, "/echo", echo, {.body_limit = 1000});
  s.start();
  client c(s.port);
  std::string big(1 << 20, 'x');
  c.send(sized("/echo", big));
  CHECK(c.read().status == 413);
  client d(s.port);
  d.send(post("/echo", "Transfer-Encoding: chunked\r\n", chunked(big, 10000)));
  CHECK(d.read().status == 413);
  client e(s.port);
  e.send(post("/echo", "Content-Length: 99999999999999999999\r\n"));
  CHECK(e.read().status == 400);
}

TEST_CASE("chunked bodies of any cut give the same bytes") {
  site s;
  s.main.add(verb::post, "/digest", digest, {.body_limit = 1 << 20});
  s.start();
  client c(s.port);
  std::string body(200'000, '\0');
  for (std::size_t i = 0; i < body.size(); ++i) body[i] = static_cast<char>(i * 13);
  c.send(sized("/digest", body));
  std::string wanted = c.read().body;
  CHECK(wanted.starts_with("200000:"));
  CHECK(wanted.ends_with(":200000"));
  for (std::size_t piece : {17U, 4096U, 65536U, 200'000U}) {
    c.send(post("/digest", "Transfer-Encoding: Chunked\r\n", chunked(body, piece)));
    CHECK(c.read().body == wanted);
  }
  c.send(post("/digest", "Transfer-Encoding: chunked\r\n", "0\r\n\r\n"));
  CHECK(c.read().body.starts_with("0:"));
}

TEST_CASE("100 Continue comes after the route has accepted, and only then") {
  site s;
  s.main.add(verb::post, "/echo", echo, {.body_limit = 10});
  s.start();
  client c(s.port);
  c.send(post("/echo", "Content-Length: 3\r\nExpect: 100-Continue\r\n"));
  CHECK(c.read().status == 100);
  c.send("abc");
  CHECK(c.read().body == "abc");
  c.send(post("/echo", "Content-Length: 3\r\nExpect: 100-continue\r\n", "abc"));  // did not wait
  CHECK(c.read().body == "abc");
  c.send(post("/echo", "Content-Length: 0\r\nExpect: 100-continue\r\n"));
  CHECK(c.read().status == 200);
  c.send(post("/echo", "Content-Length: 11\r\nExpect: 100-continue\r\n"));
  CHECK(c.read().status == 413);

  client d(s.port);
  d.send(post("/nowhere", "Content-Length: 3\r\nExpect: 100-continue\r\n"));
  reply r = d.read();
  CHECK(r.status == 404);
  CHECK(r.header("Connection") == "close");

  client e(s.port);
  e.send(post("/echo", "Content-Length: 3\r\nExpect: 200-maybe\r\n"));
  CHECK(e.read().status == 417);
}

TEST_CASE("an unknown path with a body leaves the connection usable") {
  site s;
  s.main.add(verb::post, "/echo", echo);
  s.start();
  client c(s.port);
  c.send(sized("/nowhere", "lost") + sized("/echo", "kept"));
  CHECK(c.read().status == 404);
  CHECK(c.read().body == "kept");
}

TEST_CASE("a body can go to a file, which does not outlive its handler") {
  site s;
  folder kept;
  static std::filesystem::path keep_at;
  keep_at = kept.path() / "moved";
  auto store = [](http::context& c) -> task<http::response> {
    std::string content = content_of(c.in.body_file());
    bool outside = c.in.body().empty() && c.in.body_size() == content.size();
    if (c.in.query("keep")) std::filesystem::rename(c.in.body_file(), keep_at);
    co_return http::text(std::to_string(content.size()) + (outside ? " in a file" : " ?"));
  };
  s.main.add(verb::post, "/up", store, {.body_limit = 64 << 20, .body_to_file = true});
  s.start();
  client c(s.port);
  std::string big(8 << 20, 'b');
  c.send(sized("/up", big));
  CHECK(c.read().body == std::to_string(big.size()) + " in a file");
  CHECK(eventually([&] { return s.uploads.count() == 0; }));
  c.send(post("/up?keep", "Transfer-Encoding: chunked\r\n", chunked("small", 2)));
  CHECK(c.read().body == "5 in a file");
  CHECK(content_of(keep_at) == "small");
  c.send(sized("/up", ""));
  CHECK(c.read().body == "0 in a file");
  CHECK(eventually([&] { return s.uploads.count() == 0; }));
  {
    client gone(s.port);
    gone.send(post("/up", "Content-Length: 1000\r\n", "half"));
    CHECK(eventually([&] { return s.uploads.count() == 1; }));
  }
  CHECK(eventually([&] { return s.uploads.count() == 0; }));
}

TEST_CASE("who may not upload is told so before the body is sent") {
  site s;
  std::atomic<int> asked = 0;
  http::router& closed = s.main.group("/closed");
  closed.use([&](http::context& c, const http::handler& next) {
    ++asked;
    if (c.in.header("x-key") != "right") throw http::problem{401, "Sign in first."};
    return next(c);
  });
  auto size = [](http::context& c) -> task<http::response> {
    co_return http::text(c.in.param("name") == "a" ? std::to_string(c.in.body_size()) : "?");
  };
  closed.add(verb::post, "/up/{name}", size, {.body_limit = 64 << 20, .body_to_file = true});
  s.start();

  client c(s.port);
  c.send(post("/closed/up/a", "Content-Length: 50000000\r\nExpect: 100-continue\r\n"));
  reply r = c.read();
  CHECK(r.status == 401);
  CHECK(r.header("Connection") == "close");
  client slow(s.port);
  slow.send(post("/closed/up/a", "Content-Length: 50000000\r\n", "the first of many bytes"));
  CHECK(slow.read().status == 401);
  CHECK(s.uploads.count() == 0);

  client good(s.port);
  good.send(post("/closed/up/a", "X-Key: right\r\nContent-Length: 5\r\n", "bytes"));
  CHECK(good.read().body == "5");
  good.send(post("/closed/up/a", "X-Key: right\r\nTransfer-Encoding: chunked\r\n", chunked("small", 2)));
  CHECK(good.read().body == "5");
  good.send(post("/closed/up/a", "X-Key: right\r\nContent-Length: 70000000\r\n"));
  CHECK(good.read().status == 413);
  CHECK(asked == 7);  // with a key twice: for the head, and with the body; the large one has its refusal instead
}

TEST_CASE("an upload folder that is not there is an error of the server") {
  site s;
  s.main.add(verb::post, "/up", hello, {.body_to_file = true});
  s.main.add(verb::get, "/hello", hello);
  s.options.upload_dir = "/nonexistent/uploads";
  s.start();
  client c(s.port);
  c.send(sized("/up", "abc"));
  CHECK(c.read().status == 500);
  client d(s.port);
  d.send(sized("/up", ""));
  CHECK(d.read().status == 500);
  CHECK(client(s.port).get("/hello").body == "hello");
}
