#include "server/http/message.hpp"

#include <catch2/catch.hpp>

#include "server/http/multipart.hpp"

using namespace carrel;

namespace {

http::request request_for(std::string target, http::header_list headers = {}, std::string body = "") {
  http::request::parts p;
  p.target = std::move(target);
  p.headers = std::move(headers);
  p.body = std::move(body);
  return http::request(std::move(p));
}

}  // namespace

TEST_CASE("a path is decoded once and keeps its slashes") {
  CHECK(request_for("/a//b/").path() == "/a//b/");
  CHECK(request_for("/a%2520b?x=%2F").path() == "/a%20b");
  CHECK(request_for("/%C3%A4").path() == "/ä");
}

TEST_CASE("query values are decoded and a plus is a space") {
  auto r = request_for("/s?q=sea+%26+salt&q=second&empty=&flag&u=%C3%A4&p=100%&bad=%FF&nul=%00&&=x");
  CHECK(r.query("q") == "sea & salt");
  CHECK(r.query("empty") == "");
  CHECK(r.query("flag") == "");
  CHECK(r.query("u") == "ä");
  CHECK(r.query("p") == "100%");
  CHECK_FALSE(r.query("bad"));
  CHECK_FALSE(r.query("nul"));
  CHECK_FALSE(r.query("absent"));
  CHECK(r.queries().size() == 7);
}

TEST_CASE("headers are found in any case and trimmed, cookies by name") {
  auto r = request_for("/", {{"X-Auth-User", "  zoë "}, {"Cookie", "a=1; carrel_session=\"t=k\"; b"}, {"cookie", "late=2"}});
  CHECK(r.header("x-auth-user") == "zoë");
  CHECK(r.cookie("a") == "1");
  CHECK(r.cookie("carrel_session") == "t=k");
  CHECK(r.cookie("late") == "2");
  CHECK_FALSE(r.cookie("b"));
  CHECK_FALSE(r.cookie("carrel"));
}

TEST_CASE("asking for a parameter the route lacks is a mistake of ours") {
  auto r = request_for("/");
  r.set_params({{"id", "7"}});
  CHECK(r.param("id") == "7");
  CHECK_THROWS_AS(r.param("book"), std::logic_error);
}

TEST_CASE("setting a header replaces all of that name") {
  http::response r;
  r.add("Vary", "a");
  r.add("X", "1");
  r.add("vary", "b");
  r.set("VARY", "c");
  CHECK(r.headers.size() == 2);
  CHECK(*r.find("vary") == "c");
  CHECK(*http::json("{}").find("Content-Type") == "application/json");
}

TEST_CASE("form fields come from urlencoded bodies only") {
  http::header_list type{{"Content-Type", "application/x-www-form-urlencoded; charset=utf-8"}};
  http::form f(request_for("/", type, "name=Ada+L%C3%B6ve&tag=a&tag=b&bad=%FF%FE&nul=a%00b&empty="));
  CHECK(f.text("name") == "Ada Löve");
  CHECK(f.all("tag") == std::vector<std::string>{"a", "b"});
  CHECK(f.has("empty"));
  CHECK_FALSE(f.has("bad"));
  CHECK_FALSE(f.has("nul"));
  CHECK(f.text("absent").empty());
  CHECK_FALSE(http::form(request_for("/", {{"Content-Type", "application/json"}}, "name=x")).has("name"));
  CHECK_FALSE(http::form(request_for("/", {}, "name=x")).has("name"));
}
