#include "server/http/router.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <catch2/catch.hpp>

#include "client.hpp"

using namespace carrel;

namespace {

http::handler says(std::string word) {
  return [word](http::context&) { return [](std::string w) -> task<http::response> { co_return http::text(w); }(word); };
}

http::middleware notes(std::string letter) {
  return [letter](http::context& c, const http::handler& next) {
    c.csrf += letter;
    return next(c);
  };
}

struct outcome {
  std::string body, trace, params;
  unsigned status = 200;
  std::optional<http::problem> thrown;
  std::string pattern;
  bool has_errors = false;
};

outcome ask(const http::router& r, std::string path, http::verb v = http::verb::get) {
  http::router::match m = r.find(v, path);
  http::request::parts p;
  p.target = path;
  http::request in(std::move(p));
  http::context c{.in = in, .who = {}, .request_id = "", .deadline = {}, .csrf = ""};
  outcome out;
  for (const auto& [name, value] : m.params) out.params += name + "=" + value + ";";
  out.pattern = m.pattern;
  out.has_errors = static_cast<bool>(m.errors);
  boost::asio::io_context io;
  auto done = [&](std::exception_ptr e, http::response a) {
    try {
      if (e) std::rethrow_exception(e);
      out.status = a.status;
      out.body = std::get<std::string>(a.body);
    } catch (const http::problem& thrown) {
      out.thrown = thrown;
      out.status = thrown.status;
    }
  };
  // The handler may throw before its first suspension.
  auto call = [](const http::handler* h, http::context* at) -> task<http::response> {
    http::response a = co_await (*h)(*at);
    co_return a;
  };
  boost::asio::co_spawn(io, call(m.run, &c), done);
  io.run();
  out.trace = c.csrf;
  return out;
}

}  // namespace

TEST_CASE("patterns find their paths") {
  http::router r;
  for (const char* p : {"/", "/books", "/books/new", "/books/{id}", "/books/{id}/files/{file}", "/a/b/d", "/a/{x}/c",
                        "/dav/{rest...}", "/dav/special", "/{one}/tail"}) {
    r.add(http::verb::get, p, says(p));
  }
  struct row {
    const char *path, *pattern, *params;
  };
  const row rows[] = {
      {"/", "/", ""},
      {"", "/", ""},
      {"/books", "/books", ""},
      {"/books/", "/books", ""},
      {"//books//", "/books", ""},
      {"/%62ooks", "/books", ""},
      {"/books/new", "/books/new", ""},
      {"/books/7", "/books/{id}", "id=7;"},
      {"/books/a%20b", "/books/{id}", "id=a b;"},
      {"/books/a%2Fb", "/books/{id}", "id=a/b;"},
      {"/books/a%252Fb", "/books/{id}", "id=a%2Fb;"},
      {"/books/%2E%2E", "/books/{id}", "id=..;"},
      {"/books/7/files/9", "/books/{id}/files/{file}", "id=7;file=9;"},
      {"/books/new/files/9", "/books/{id}/files/{file}", "id=new;file=9;"},
      {"/a/b/d", "/a/b/d", ""},
      {"/a/b/c", "/a/{x}/c", "x=b;"},
      {"/dav", "/dav/{rest...}", "rest=;"},
      {"/dav/", "/dav/{rest...}", "rest=;"},
      {"/dav/x/y%2Fz//w/", "/dav/{rest...}", "rest=x/y/z/w;"},
      {"/dav/special", "/dav/special", ""},
      {"/dav/special/more", "/dav/{rest...}", "rest=special/more;"},
      {"/books/tail", "/books/{id}", "id=tail;"},
      {"/other/tail", "/{one}/tail", "one=other;"},
  };
  for (const row& x : rows) {
    INFO(x.path);
    outcome o = ask(r, x.path);
    CHECK(o.pattern == x.pattern);
    CHECK(o.body == x.pattern);
    CHECK(o.params == x.params);
  }
  for (const char* path : {"/books/7/files", "/books/7/files/9/x", "/a/b", "/a", "/nothing", "/Books"}) {
    INFO(path);
    outcome o = ask(r, path);
    CHECK(o.status == 404);
    CHECK(o.pattern.empty());
  }
}

TEST_CASE("methods: HEAD finds GET, others are 405 with Allow, OPTIONS is answered") {
  http::router r;
  r.add(http::verb::get, "/x", says("get"));
  r.add(http::verb::put, "/x", says("put"));
  r.add(http::verb::del, "/{any}", says("delete"));
  r.add(http::verb::options, "/own", says("own options"));
  r.add(http::verb::get, "/own", says("own"));
  CHECK(ask(r, "/x", http::verb::head).body == "get");
  CHECK(ask(r, "/x", http::verb::put).body == "put");
  CHECK(ask(r, "/x", http::verb::del).body == "delete");
  outcome o = ask(r, "/x", http::verb::post);
  REQUIRE(o.thrown);
  CHECK(o.thrown->status == 405);
  CHECK(o.thrown->headers == http::header_list{{"Allow", "GET, HEAD, PUT, DELETE, OPTIONS"}});
  CHECK(ask(r, "/x", http::verb::other).status == 405);
  CHECK(ask(r, "/x", http::verb::options).status == 204);
  CHECK(ask(r, "/own", http::verb::options).body == "own options");
  CHECK(ask(r, "/nothing/here", http::verb::options).status == 404);
}

TEST_CASE("middlewares wrap outermost first, also those added after the route") {
  http::router r;
  auto page = [](const http::context&, const http::problem&) { return http::text("page"); };
  http::router& g = r.group("/g", page);
  g.add(http::verb::get, "/x", says("x"));
  g.use(notes("2"));
  http::router& inner = g.group("/in");
  inner.add(http::verb::get, "/{id}", says("inner"));
  inner.use(notes("3"));
  r.use(notes("1"));
  r.add(http::verb::get, "/plain", says("plain"));

  CHECK(ask(r, "/plain").trace == "1");
  CHECK(ask(r, "/g/x").trace == "12");
  CHECK(ask(r, "/g/in/5").trace == "123");
  CHECK(ask(r, "/g/in/5").pattern == "/g/in/{id}");
  CHECK(ask(r, "/g/in/5").has_errors);  // of the group around it
  CHECK_FALSE(ask(r, "/plain").has_errors);
  CHECK(r.routes().size() == 3);
}

TEST_CASE("unknown paths below a group are its own when it says so") {
  http::router r;
  r.use(notes("1"));
  auto page = [](const http::context&, const http::problem&) { return http::text("page"); };
  http::router& with = r.group("/with", page);
  with.use(notes("2"));
  with.otherwise(says("elsewhere"));
  with.add(http::verb::get, "/x", says("x"));
  http::router& without = r.group("/without", page);
  without.use(notes("3"));
  without.add(http::verb::get, "/x", says("x"));

  outcome o = ask(r, "/with/nowhere");
  CHECK(o.body == "elsewhere");
  CHECK(o.trace == "12");
  o = ask(r, "/without/nowhere");
  CHECK(o.status == 404);
  CHECK(o.trace == "1");
  CHECK(o.has_errors);
  o = ask(r, "/nowhere");
  CHECK(o.status == 404);
  CHECK_FALSE(o.has_errors);
  o = ask(r, "/without/x", http::verb::put);
  CHECK(o.status == 405);
  CHECK(o.trace == "1");
  CHECK(o.has_errors);
}

TEST_CASE("the same route twice, or a route after the first request, is a mistake of ours") {
  http::router r;
  r.add(http::verb::get, "/x/{a}", says("1"));
  r.add(http::verb::get, "/x/{b}", says("2"));
  CHECK_THROWS_AS(r.find(http::verb::get, "/x/1"), std::logic_error);
  http::router s;
  s.add(http::verb::get, "/x", says("1"));
  s.find(http::verb::get, "/x");
  CHECK_THROWS_AS(s.add(http::verb::get, "/y", says("2")), std::logic_error);
}
