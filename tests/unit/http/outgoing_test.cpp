// What Carrel asks of other servers: whom it may ask, and that nobody there can hold it up or fill its memory.
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <catch2/catch.hpp>
#include <chrono>
#include <thread>

#include "server/http/client.hpp"
#include "tests/harness/coroutines.hpp"
#include "tests/harness/eventually.hpp"
#include "tests/harness/peer.hpp"

using namespace carrel;
using http::client_failure;
using http::outgoing;
using namespace std::chrono_literals;

namespace {

using outcome = http::client::outcome;

task<> ask(http::client& c, outgoing what, std::optional<outcome>& out) {
  task<outcome> sending = c.send(std::move(what));
  outcome o = co_await std::move(sending);
  out.emplace(std::move(o));
}

outcome send(http::client& c, outgoing what) {
  std::optional<outcome> out;
  harness::run_one(ask(c, std::move(what), out));
  return std::move(*out);
}

outgoing get(const std::string& url) {
  outgoing o;
  o.url = url;
  o.hosts = {"127.0.0.1"};
  return o;
}

std::optional<client_failure> failure_of(const outcome& o) { return o ? std::nullopt : std::optional(o.error()); }

constexpr http::client_options here{.this_machine = true};

}  // namespace

TEST_CASE("a request goes out as it was said, and the answer comes back whole") {
  harness::peer there([](const harness::heard&) { return harness::said(418, "tea", "X-Pot:  brown \r\n"); });
  http::client c(here);
  outgoing o = get(there.url() + "/v1/x?a=[{b:1}]");
  o.method = http::verb::put;
  o.headers = {{"x-one", "1"}, {"x-none", ""}};
  o.body = "hello";
  outcome got = send(c, o);
  REQUIRE(got);
  CHECK(got->status == 418);
  CHECK(got->body == "tea");
  REQUIRE(got->find("x-pot"));
  CHECK(*got->find("x-pot") == "brown");
  harness::heard h = there.all().at(0);
  CHECK(h.method == "PUT");
  CHECK(h.target == "/v1/x?a=[{b:1}]");
  CHECK(h.body == "hello");
  harness::header_list expected{
      {"Host", "127.0.0.1:" + std::to_string(there.port())}, {"x-one", "1"}, {"x-none", ""}, {"Content-Length", "5"}};
  CHECK(h.head == expected);
}

TEST_CASE("of its own a request says nothing but whom it asks") {
  harness::peer there([](const harness::heard&) { return harness::said(200, "[]"); });
  http::client c(here);
  REQUIRE(send(c, get(there.url() + "/")));
  CHECK(there.all().at(0).head.size() == 1);
  outgoing empty = get(there.url() + "/");
  empty.method = http::verb::post;
  REQUIRE(send(c, empty));
  CHECK(there.all().at(1).method == "POST");
  CHECK(there.all().at(1).header("content-length") == "0");
  CHECK(there.all().at(1).header("content-type").empty());
}

TEST_CASE("redirects are answers") {
  harness::peer there([](const harness::heard&) { return harness::said(302, "", "Location: /elsewhere\r\n"); });
  http::client c(here);
  outcome got = send(c, get(there.url() + "/"));
  REQUIRE(got);
  CHECK(got->status == 302);
  CHECK(there.connections() == 1);
}

TEST_CASE("only the hosts that the caller means are asked, and only in the open network") {
  harness::peer there([](const harness::heard&) { return harness::said(200, ""); });
  http::client tests(here), c;
  outgoing other = get("http://localhost:" + std::to_string(there.port()) + "/");
  CHECK(failure_of(send(tests, other)) == client_failure::refused);
  for (const std::string& url :
       {there.url() + "/", std::string("https://127.0.0.1:") + std::to_string(there.port()) + "/",
        std::string("https://127.0.0.1/"), std::string("https://a:b@127.0.0.1/"), std::string("ftp://127.0.0.1/"),
        std::string("file:///etc/passwd"), std::string("x"), std::string()}) {
    INFO(url);
    CHECK(failure_of(send(c, get(url))) == client_failure::refused);
  }
  for (const char* host : {"10.0.0.1", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "0.0.0.0", "[::1]",
                           "[::ffff:127.0.0.1]", "[fd00::1]", "[fe80::1]", "[64:ff9b::7f00:1]", "localhost"}) {
    INFO(host);
    outgoing o = get(std::string("https://") + host + "/");
    o.hosts = {host};
    CHECK(failure_of(send(c, o)) == client_failure::refused);
  }
  outgoing inside = get("http://10.0.0.1/");
  inside.hosts = {"10.0.0.1"};
  CHECK(failure_of(send(tests, inside)) == client_failure::refused);
  CHECK(there.connections() == 0);
}

TEST_CASE("what is too long is not read to its end") {
  harness::peer there([](const harness::heard& h) {
    std::string lines;
    for (int i = 0; i < 100 && h.target == "/head"; ++i) lines += "x-long: " + std::string(1000, 'x') + "\r\n";
    if (h.target == "/head") return harness::said(200, "", lines);
    return harness::said(200, std::string(4 << 20, 'x'));
  });
  http::client c(here);
  CHECK(failure_of(send(c, get(there.url() + "/body"))) == client_failure::too_large);
  CHECK(failure_of(send(c, get(there.url() + "/head"))) == client_failure::too_large);
}

TEST_CASE("a server that says nothing is not waited for longer than asked") {
  harness::peer there([](const harness::heard&) { return std::string(); });
  http::client c(here);
  outgoing o = get(there.url() + "/");
  o.total = 200ms;
  auto before = std::chrono::steady_clock::now();
  CHECK(failure_of(send(c, o)) == client_failure::late);
  CHECK(std::chrono::steady_clock::now() - before < 5s);
}

TEST_CASE("what cannot be reached, or breaks off, is no answer") {
  http::client c(here);
  std::string gone;
  {
    harness::peer there([](const harness::heard&) { return std::string("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc"); });
    gone = there.url() + "/";
    CHECK(failure_of(send(c, get(gone))) == client_failure::unreachable);
    there.says([](const harness::heard&) { return std::string("what?\r\n\r\n"); });
    CHECK(failure_of(send(c, get(gone))) == client_failure::unreachable);
  }
  CHECK(failure_of(send(c, get(gone))) == client_failure::unreachable);
}

TEST_CASE("a header cannot be made to hold another one") {
  harness::peer there([](const harness::heard&) { return harness::said(200, ""); });
  http::client c(here);
  outgoing o = get(there.url() + "/");
  o.headers = {{"x-one", "1\r\nx-two: 2"}};
  CHECK(failure_of(send(c, o)) == client_failure::refused);
  CHECK(there.connections() == 0);
}

TEST_CASE("a slow server holds nobody else up, and what is too much is refused") {
  harness::peer there([](const harness::heard& h) { return h.target == "/slow" ? std::string() : harness::said(200, "quick"); });
  http::client c({.most = 4, .this_machine = true});
  for (int i = 0; i < 3; ++i) c.post(get(there.url() + "/slow"));
  REQUIRE(harness::eventually([&] { return there.connections() == 3; }));
  outcome quick = send(c, get(there.url() + "/"));
  REQUIRE(quick);
  CHECK(quick->body == "quick");
  c.post(get(there.url() + "/slow"));
  CHECK(failure_of(send(c, get(there.url() + "/"))) == client_failure::busy);
}

TEST_CASE("the end does not wait for anybody") {
  harness::peer there([](const harness::heard&) { return std::string(); });
  http::client c(here);
  std::thread ends([&] {
    harness::eventually([&] { return there.connections() == 1; });
    c.stop();
  });
  auto before = std::chrono::steady_clock::now();
  CHECK(failure_of(send(c, get(there.url() + "/"))) == client_failure::stopped);
  CHECK(std::chrono::steady_clock::now() - before < 5s);
  ends.join();
  CHECK(failure_of(send(c, get(there.url() + "/"))) == client_failure::stopped);
}

TEST_CASE("who no longer wants an answer does not keep the connection") {
  harness::peer there([](const harness::heard&) { return std::string(); });
  http::client c(here);
  boost::asio::io_context io(1);
  boost::asio::cancellation_signal hang_up;
  std::optional<outcome> out;
  bool ended = false;
  boost::asio::co_spawn(io, ask(c, get(there.url() + "/"), out),
                        boost::asio::bind_cancellation_slot(hang_up.slot(), [&](const std::exception_ptr&) { ended = true; }));
  REQUIRE(harness::eventually([&] {
    io.poll();
    return there.connections() == 1;
  }));
  hang_up.emit(boost::asio::cancellation_type::terminal);
  CHECK(harness::eventually([&] {
    io.poll();
    return ended;
  }));
  c.stop();
}

TEST_CASE("what the owner has set may be plain, at any port and in the own network, and nowhere else") {
  harness::peer there([](const harness::heard&) { return harness::said(200, "fine"); });
  http::client c;
  auto ask = [&](bool plain, bool inside, bool port) {
    outgoing o = get(there.url() + "/");
    o.plain = plain;
    o.inside = inside;
    if (port) o.ports = {there.port()};
    return send(c, o);
  };
  CHECK(ask(true, true, true));
  CHECK(failure_of(ask(false, true, true)) == client_failure::refused);
  CHECK(failure_of(ask(true, false, true)) == client_failure::refused);
  CHECK(failure_of(ask(true, true, false)) == client_failure::refused);
  CHECK(there.connections() == 1);
  // What nobody has a server in is closed all the same.
  for (const char* host : {"169.254.169.254", "0.0.0.0", "224.0.0.1", "255.255.255.255", "[::]", "[fe80::1]", "[ff02::1]",
                           "[fd00:ec2::254]", "[::ffff:169.254.169.254]", "[64:ff9b::a9fe:a9fe]", "[2002:a9fe:a9fe::1]"}) {
    INFO(host);
    outgoing o = get(std::string("http://") + host + "/");
    o.hosts = {host};
    o.plain = o.inside = true;
    CHECK(failure_of(send(c, o)) == client_failure::refused);
  }
}

TEST_CASE("addresses that nobody else may be asked for are all closed") {
  http::client c;
  for (const char* host : {"10.255.255.255", "172.31.255.255", "192.168.0.1", "127.1.2.3", "100.127.255.255",   "169.254.0.1",
                           "192.0.2.1",      "198.18.0.1",     "239.1.1.1",   "240.0.0.1", "[::ffff:10.0.0.1]", "[::ffff:7f00:1]",
                           "[::127.0.0.1]",  "[fc00::1]",      "[fdff::1]",   "[febf::1]", "[ff0e::1]",         "[100::1]",
                           "[2001:db8::1]",  "0x7f.1",         "2130706433",  "127.1",     "0177.0.0.1"}) {
    INFO(host);
    outgoing o = get(std::string("https://") + host + "/");
    o.hosts = {host, "127.0.0.1"};  // curl writes an address in its usual form
    CHECK(failure_of(send(c, o)) == client_failure::refused);
  }
}

TEST_CASE("a thread may wait for an answer, and an end of the client ends that") {
  harness::peer there([](const harness::heard& h) { return h.target == "/never" ? std::string() : harness::said(200, "now"); });
  http::client c(here);
  outcome got = c.send_now(get(there.url() + "/"));
  REQUIRE(got);
  CHECK(got->body == "now");
  std::optional<outcome> ended;
  std::thread waiting([&] { ended = c.send_now(get(there.url() + "/never")); });
  CHECK(harness::eventually([&] { return there.connections() == 2; }));
  c.stop();
  waiting.join();
  REQUIRE(ended);
  CHECK(failure_of(*ended) == client_failure::stopped);
  CHECK(failure_of(c.send_now(get(there.url() + "/"))) == client_failure::stopped);
}

TEST_CASE("where a redirect leads, and what an address says") {
  using http::address_of;
  using http::followed;
  CHECK(followed("https://a.example/b/c?d", "e") == "https://a.example/b/e");
  CHECK(followed("https://a.example/b", "//Other.example/x") == "https://Other.example/x");
  CHECK(followed("https://a.example/b", "http://c.example:81/") == "http://c.example:81/");
  CHECK(followed("https://a.example/b", "").empty());
  std::optional<http::web_address> at = address_of("HTTPS://Books.Example/x");
  REQUIRE(at);
  CHECK(at->scheme + " " + at->host + " " + std::to_string(at->port) == "https books.example 443");
  CHECK(address_of("http://[::1]:8080/")->port == 8080);
  for (const char* none : {"", "x", "ftp://a.example/", "file:///etc/passwd", "https://"}) CHECK_FALSE(address_of(none));
}
