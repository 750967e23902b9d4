// Forwarding headers, listeners and their roles.
#include <catch2/catch.hpp>

#include "client.hpp"
#include "server/http/engine.hpp"
#include "server/http/forwarding.hpp"

using namespace carrel;
using namespace carrel::http_tests;
using http::verb;

namespace {

task<http::response> origin(http::context& c) {
  co_return http::text(c.in.client_address() + " " + c.in.scheme() + "://" + c.in.host() + c.in.prefix());
}

struct row {
  const char *headers, *seen;
};

}  // namespace

TEST_CASE("a trusted proxy says who and where the client is") {
  site s;
  s.main.add(verb::get, "/o", origin);
  s.options.trusted_proxies = {"127.0.0.0/8", "10.1.0.0/16", "fd00::/8"};
  s.start();
  const row rows[] = {
      {"", "127.0.0.1 http://library.test"},
      {"X-Forwarded-For: 203.0.113.9\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Host: books.example.net\r\nX-Forwarded-Prefix: "
       "/books/\r\n",
       "203.0.113.9 https://books.example.net/books"},
      {"X-Forwarded-For: 6.6.6.6, 203.0.113.9, 10.1.2.3\r\n", "203.0.113.9 http://library.test"},
      {"X-Forwarded-For: 6.6.6.6\r\nX-Forwarded-For: 203.0.113.9\r\n", "203.0.113.9 http://library.test"},
      {"X-Forwarded-For: 10.1.9.9, fd00::1\r\n", "10.1.9.9 http://library.test"},
      {"X-Forwarded-For: 203.0.113.9:4711\r\n", "203.0.113.9 http://library.test"},
      {"X-Forwarded-For: ::ffff:203.0.113.9\r\n", "203.0.113.9 http://library.test"},
      {"X-Forwarded-For: 8.8.8.8, unknown\r\n", "127.0.0.1 http://library.test"},
      {"X-Forwarded-For: <script>\r\n", "127.0.0.1 http://library.test"},
      {"Forwarded: for=\"[2001:db8::1]:4711\";proto=https;host=\"b.test:8443\"\r\n", "2001:db8::1 https://b.test:8443"},
      {"Forwarded: for=8.8.8.8;proto=https;host=first.test, for=203.0.113.9;proto=http;host=second.test\r\n",
       "203.0.113.9 https://first.test"},
      {"Forwarded: for=203.0.113.9\r\nX-Forwarded-For: 6.6.6.6\r\nX-Forwarded-Proto: https\r\n",
       "203.0.113.9 https://library.test"},
      {"X-Forwarded-Proto: https, http\r\nX-Forwarded-Host: a.test, b.test\r\n", "127.0.0.1 https://a.test"},
      {"X-Forwarded-Proto: javascript\r\n", "127.0.0.1 http://library.test"},
      {"X-Forwarded-Proto: https\r\nX-Forwarded-Port: 8443\r\n", "127.0.0.1 https://library.test:8443"},
      {"X-Forwarded-Proto: https\r\nX-Forwarded-Port: 443\r\n", "127.0.0.1 https://library.test"},
      {"X-Forwarded-Host: a.test:81\r\nX-Forwarded-Port: 82\r\n", "127.0.0.1 http://a.test:81"},
      {"X-Forwarded-Host: a.test:80\r\n", "127.0.0.1 http://a.test"},
      {"X-Forwarded-Port: 0\r\n", "127.0.0.1 http://library.test"},
      {"X-Forwarded-Prefix: /\r\n", "127.0.0.1 http://library.test"},
      {"X-Forwarded-Prefix: //evil.test\r\n", "127.0.0.1 http://library.test"},
      {"X-Forwarded-Prefix: /a\"b\r\n", "127.0.0.1 http://library.test"},
      {"Forwarded: ;;=,\"\r\n", "127.0.0.1 http://library.test"},
  };
  client c(s.port);
  for (const row& r : rows) {
    INFO(r.headers);
    CHECK(c.get("/o", r.headers).body == r.seen);
  }
  CHECK(client(s.port).get("/o", "X-Forwarded-Host: evil.test/path\r\n").status == 400);
}

TEST_CASE("forwarding headers of anybody else count for nothing") {
  site s;
  s.main.add(verb::get, "/o", origin);
  s.options.trusted_proxies = {"10.0.0.0/8"};
  s.start();
  client c(s.port);
  CHECK(c.get("/o",
              "X-Forwarded-For: 1.2.3.4\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Host: evil.test\r\nX-Forwarded-Prefix: /x\r\n"
              "Forwarded: for=1.2.3.4;host=evil.test\r\n")
            .body == "127.0.0.1 http://library.test");
  // No valid host, no harm either.
  CHECK(c.get("/o", "X-Forwarded-Host: evil.test/path\r\n").status == 200);
}

TEST_CASE("networks contain what they say") {
  using boost::asio::ip::make_address;
  auto n = http::networks::parse({"192.168.4.0/22", "10.0.0.7", "2001:db8::/33", "::1"});
  REQUIRE(n);
  for (const char* in : {"192.168.4.1", "192.168.7.255", "10.0.0.7", "2001:db8:7fff::1", "::1", "::ffff:10.0.0.7"}) {
    INFO(in);
    CHECK(n->contain(make_address(in)));
  }
  for (const char* out : {"192.168.8.0", "192.168.3.255", "10.0.0.8", "2001:db8:8000::1", "::2", "127.0.0.1"}) {
    INFO(out);
    CHECK_FALSE(n->contain(make_address(out)));
  }
  CHECK(http::networks::parse({"0.0.0.0/0"})->contain(make_address("9.9.9.9")));
  CHECK_FALSE(http::networks::parse({"0.0.0.0/0"})->contain(make_address("::5")));
  for (const char* bad : {"", "localhost", "10.0.0.0/33", "10.0.0.0/-1", "10.0.0.0/x", "::/129", "10.0.0/8"}) {
    INFO(bad);
    CHECK_FALSE(http::networks::parse({bad}));
  }
}

TEST_CASE("a local socket is trusted, left files are replaced, live ones are not") {
  folder f;
  std::string path = (f.path() / "s.sock").string();
  site s;
  s.main.add(verb::get, "/o", origin);
  s.options.listen = {{.text = "127.0.0.1:0"}, {.text = "unix:" + path}};
  s.options.threads = 2;
  s.start();
  client c(path);
  CHECK(c.get("/o").body == "unix http://library.test");
  CHECK(c.get("/o", "X-Forwarded-For: 9.9.9.9\r\nX-Forwarded-Proto: https\r\n").body == "9.9.9.9 https://library.test");
  site second;
  second.options.listen = {{.text = "unix:" + path}};
  CHECK_THROWS_WITH(second.start(), "unix:" + path + ": address already in use");
  c.close();
  s.server.reset();
  CHECK_FALSE(std::filesystem::exists(path));

  // A process that died left its file.
  int fd = ::socket(AF_UNIX, SOCK_STREAM, 0);
  sockaddr_un a{};
  a.sun_family = AF_UNIX;
  path.copy(a.sun_path, sizeof a.sun_path - 1);
  REQUIRE(::bind(fd, reinterpret_cast<sockaddr*>(&a), sizeof a) == 0);
  ::close(fd);
  site third;
  third.main.add(verb::get, "/o", origin);
  third.options.listen = {{.text = "127.0.0.1:0"}, {.text = "unix:" + path}};
  third.start();
  CHECK(client(path).get("/o").status == 200);
}

TEST_CASE("an address in use is said so, with one thread and with two") {
  for (unsigned threads : {1U, 2U}) {
    site s;
    s.options.threads = threads;
    s.main.add(verb::get, "/hello", hello);
    s.start();
    CHECK(client(s.port).get("/hello").body == "hello");
    site again;
    again.options.threads = threads;
    again.options.listen = {{.text = s.addresses[0]}};
    CHECK_THROWS_WITH(again.start(), s.addresses[0] + ": address already in use");
  }
  for (const char* bad : {"nonsense", "127.0.0.1:x", "127.0.0.1:70000", "unix:", "203.0.113.77:0"}) {
    INFO(bad);
    site s;
    s.options.listen = {{.text = bad}};
    CHECK_THROWS(s.start());
  }
}

TEST_CASE("[::] takes both families") {
  site s;
  s.main.add(verb::get, "/o", origin);
  s.options.listen = {{.text = "[::]:0"}};
  s.start();
  CHECK(client(s.port).get("/o").body == "127.0.0.1 http://library.test");
}

TEST_CASE("the devices listener serves device paths only, the metrics listener its own routes") {
  site s;
  s.main.add(verb::get, "/opds", hello);
  s.main.add(verb::get, "/admin", hello);
  s.metrics.add(verb::get, "/metrics", hello);
  s.options.listen = {{.text = "127.0.0.1:0"},
                      {.text = "127.0.0.1:0", .serves = http::listen_address::role::devices},
                      {.text = "127.0.0.1:0", .serves = http::listen_address::role::metrics}};
  s.options.device_path = [](std::string_view path) { return path == "/opds" || path.starts_with("/opds/"); };
  s.start();
  client all(s.port), devices(s.port_of(1)), metrics(s.port_of(2));
  CHECK(all.get("/admin").status == 200);
  CHECK(all.get("/metrics").status == 404);
  CHECK(metrics.get("/metrics").status == 200);
  CHECK(metrics.get("/opds").status == 404);
  CHECK(devices.get("/opds").status == 200);
  CHECK(devices.get("//opds/").status == 200);
  CHECK(devices.get("/%6fpds").status == 200);
  CHECK(devices.get("/admin").body == "Not found.\n");
  CHECK(devices.get("/opds%2F..%2Fadmin").status == 404);
  CHECK(devices.get("/opds").status == 200);
}

TEST_CASE("connections of one address are capped, those of this machine and of proxies are not") {
  http::router main, metrics;
  http::server_options o;
  o.per_address = 2;
  http::engine e(o, main, metrics);
  CHECK(e.admit("203.0.113.1", false));
  CHECK(e.admit("203.0.113.1", false));
  CHECK_FALSE(e.admit("203.0.113.1", false));
  CHECK(e.admit("203.0.113.2", false));
  CHECK(e.admit("127.0.0.1", true));
  CHECK(e.admit("127.0.0.1", true));
  CHECK(e.admit("127.0.0.1", true));
  CHECK(e.connections == 6);
  e.leave("203.0.113.1", false);
  CHECK(e.admit("203.0.113.1", false));
  CHECK_FALSE(e.admit("203.0.113.1", false));
}
