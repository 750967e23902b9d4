// kosync.md 14, items 8, 10 and 22: who is refused, and with which number.
#include <catch2/catch.hpp>

#include "server/core/digest.hpp"
#include "server/core/text.hpp"
#include "tests/integration/kosync/world.hpp"

using namespace carrel;
using namespace carrel::kosync::tests;

namespace {

headers pair_of(const std::string& name, const std::string& key) { return {{"x-auth-user", name}, {"x-auth-key", key}}; }
headers basic(const std::string& name, const std::string& password) {
  return {{"Authorization", "Basic " + base64(name + ":" + password)}};
}

}  // namespace

TEST_CASE("only the right name and key are let in, in every form that clients use") {
  world w;
  reader alice = w.shared("Älice");
  auto status = [&](const headers& h) { return w.send("GET", "/kosync/users/auth", h).status; };
  std::string upper = alice.key;
  for (char& c : upper) c = static_cast<char>(std::toupper(c));

  CHECK(status(pair_of("Älice", alice.key)) == 200);
  CHECK(status(pair_of("  älice ", upper)) == 200);
  CHECK(status(pair_of("Älice", "password")) == 200);
  CHECK(status(basic("Älice", "password")) == 200);
  headers both = pair_of("Älice", md5_hex("wrong"));
  both.push_back(basic("Älice", "password").front());
  CHECK(status(both) == 200);

  for (const headers& h :
       {headers{}, pair_of("", ""), pair_of("nobody", alice.key), pair_of("Älice", md5_hex("wrong")), basic("Älice", "wrong"),
        headers{{"x-auth-user", "Älice"}}, headers{{"x-auth-key", alice.key}}, headers{{"Authorization", "Basic !!!"}}}) {
    reply r = w.send("GET", "/kosync/users/auth", h);
    CHECK(r.status == 401);
    CHECK(r.code() == 2001);
    CHECK_FALSE(r.text("message").empty());
    CHECK(r.header("Content-Type") == "application/json");
    CHECK(r.header("WWW-Authenticate").empty());
  }
}

TEST_CASE("a device's password works in all spellings, until the device is revoked") {
  world w;
  uuid ada = w.add_user("ada");
  std::string password;
  uuid device;
  w.other().write_now([&](db::tx& tx) {
    result<library::new_device> made = library::add_device(tx, ada, "Tablet", "koreader");
    REQUIRE(made);
    password = made->password;
    device = made->made.id;
  });
  std::string bare = password;
  std::erase(bare, '-');
  auto status = [&](const std::string& shown) {
    return w.send("GET", "/kosync/users/auth", pair_of("ada", md5_hex(shown))).status;
  };
  CHECK(status(password) == 200);
  CHECK(status(bare) == 200);
  CHECK(w.send("GET", "/kosync/users/auth", basic("ada", password)).status == 200);
  w.other().write_now([&](db::tx& tx) { library::revoke_device(tx, device); });
  CHECK(status(password) == 401);
}

TEST_CASE("credentials are judged before the body, the size before the JSON") {
  world w;
  reader alice = w.shared("alice");
  std::string large = R"({"document":")" + std::string(70'000, 'x');
  CHECK(w.send("PUT", "/kosync/syncs/progress", {}, large).code() == 2001);
  CHECK(w.send("PUT", "/kosync/syncs/progress", pair_of("alice", md5_hex("wrong")), "not json").code() == 2001);
  reply r = w.send("PUT", "/kosync/syncs/progress", alice.sign_in(), large);
  CHECK(r.status == 413);
  CHECK(r.code() == 2003);
}

TEST_CASE("every unusable body has its number") {
  world w;
  reader alice = w.shared("alice");
  struct row {
    std::string body;
    int status;
    long code;
  };
  for (const row& t : std::vector<row>{
           {R"({"progress":"p","percentage":0.5,"device":"a"})", 403, 2004},
           {R"({"document":"","progress":"p","percentage":0.5,"device":"a"})", 403, 2004},
           {R"({"document":7,"progress":"p","percentage":0.5,"device":"a"})", 403, 2004},
           {R"({"document":"a:b","progress":"p","percentage":0.5,"device":"a"})", 403, 2004},
           {R"({"document":"d","percentage":0.5,"device":"a"})", 403, 2003},
           {R"({"document":"d","progress":"","percentage":0.5,"device":"a"})", 403, 2003},
           {R"({"document":"d","progress":null,"percentage":0.5,"device":"a"})", 403, 2003},
           {R"({"document":"d","progress":"p","device":"a"})", 403, 2003},
           {R"({"document":"d","progress":"p","percentage":"half","device":"a"})", 403, 2003},
           {R"({"document":"d","progress":"p","percentage":"nan","device":"a"})", 403, 2003},
           {R"({"document":"d","progress":"p","percentage":1e999,"device":"a"})", 403, 2003},
           {R"({"document":"d","progress":"p","percentage":0.5})", 403, 2003},
           {R"({"document":"d","progress":"p","percentage":0.5,"device":""})", 403, 2003},
           {R"({"document":"d","progress":"p","percentage":0.5,"device":"a","device_id":[]})", 403, 2003},
           {R"({"document":"d","progress":"p\u0000q","percentage":0.5,"device":"a"})", 403, 2003},
           {R"({"document":"d\u0000","progress":"p","percentage":0.5,"device":"a"})", 403, 2003},
           {R"({"document":"d","progress":"p","percentage":0.5,"device":"a\u0000"})", 403, 2003},
           {R"({"document":"d","progress":"p","percentage":0.5,"device":"a","metadata":{"title":"\u0000"}})", 403, 2003},
           {R"({"document":"d","progress":"\ud800","percentage":0.5,"device":"a"})", 403, 2003},
           {R"({"document":"d","progress":"\udc00x","percentage":0.5,"device":"a"})", 403, 2003},
           {"not json", 400, 103},
           {"", 400, 103},
           {"{\"document\":\"\xff\"}", 400, 103},
           {"[1,2]", 400, 104},
           {"7", 400, 104},
           {"null", 400, 104},
       }) {
    INFO(t.body);
    reply r = alice.put(t.body);
    CHECK(r.status == t.status);
    CHECK(r.code() == t.code);
    CHECK(r.header("Content-Type") == "application/json");
  }
  CHECK(alice.get("d").body == "{}");
}

TEST_CASE("media types of the request do not matter") {
  world w;
  reader alice = w.shared("alice");
  std::string body = push_body("d", 0.5, "p", "a", "b");
  for (const headers& more :
       {headers{}, headers{{"Content-Type", "text/plain"}}, headers{{"Content-Type", "application/json; charset=utf-8"}},
        headers{{"Accept", "text/html"}}, headers{{"Accept", "application/vnd.koreader.v9+json"}}}) {
    headers h = pair_of("alice", alice.key);
    h.insert(h.end(), more.begin(), more.end());
    CHECK(w.send("PUT", "/kosync/syncs/progress", h, body).status == 200);
  }
  CHECK(alice.put(R"({"document":"d","progress":"p","percentage":0.5,"device":"a","device_id":null})").status == 200);
}

TEST_CASE("answers are never compressed") {
  world w;
  reader alice = w.shared("alice");
  REQUIRE(alice.push("d", 0.5, std::string(4000, 'x')).status == 200);
  headers h = alice.sign_in();
  h.emplace_back("Accept-Encoding", "gzip");
  for (std::string base : {"", "/kosync"}) {
    reply r = w.send("GET", base + "/syncs/progress/d", h);
    CHECK(r.header("Content-Encoding").empty());
    CHECK(r.text("progress").size() == 4000);
  }
}
