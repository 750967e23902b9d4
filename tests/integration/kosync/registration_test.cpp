// kosync.md 4.1 and item 9 of its test list.
#include <catch2/catch.hpp>

#include "kosync/registration.hpp"
#include "server/auth/throttle.hpp"
#include "server/core/digest.hpp"
#include "tests/integration/kosync/world.hpp"

using namespace carrel;
using namespace carrel::kosync::tests;

namespace {

reply create(world& w, const std::string& body) {
  return w.send("POST", "/kosync/users/create", {{"Content-Type", "application/json"}}, body);
}
reply create(world& w, const std::string& name, const std::string& key) {
  return create(w, R"({"username":")" + name + R"(","password":")" + key + R"("})");
}

}  // namespace

TEST_CASE("registration is off by default, and the text says what to do") {
  world w;
  for (std::string body : {R"({"username":"alice","password":"5f4dcc3b5aa765d61d8327deb882cf99"})", "nonsense"}) {
    reply r = create(w, body);
    CHECK(r.status == 402);
    CHECK(r.code() == 2005);
    CHECK(r.text("message").find("Devices") != std::string::npos);
    CHECK(r.text("message").size() <= 150);
  }
}

TEST_CASE("an account made by registration works like one of the reference server") {
  world w(settings{{"kosync.registration", "on"}});
  std::string key = md5_hex("password");
  reply made = create(w, "alice", key);
  CHECK(made.status == 201);
  CHECK(made.body == R"({"username":"alice"})");
  CHECK(made.header("Content-Type") == "application/json");
  reader alice = w.with_key("alice", key);
  CHECK(w.send("GET", "/kosync/users/auth", alice.sign_in()).status == 200);
  CHECK(alice.push("d", 0.9, "p9", "B", "BB").status == 200);
  CHECK(alice.push("d", 0.1, "p1", "C", "CC").status == 200);
  CHECK(alice.get("d").text("percentage") == "0.1");

  reply taken = create(w, "alice", md5_hex("other"));
  CHECK(taken.status == 402);
  CHECK(taken.code() == 2002);
  CHECK(taken.text("message") == "Username is already registered.");
  reply same = create(w, " ALICE ", key);
  CHECK(same.status == 402);
  CHECK(same.code() == 2002);
  CHECK(same.text("message") == "This account exists already. Tap Login instead.");

  auto may_sign_in =
      w.other().read_now([](db::tx& tx) { return library::password_hash_of(tx, library::find_user_named(tx, "alice")->id); });
  CHECK_FALSE(may_sign_in.has_value());
}

TEST_CASE("names and passwords that cannot be used are refused") {
  world w(settings{{"kosync.registration", "on"}});
  for (std::string body :
       {R"({"username":"","password":"x"})", R"({"username":"a"})", R"({"password":"x"})", R"({"username":"a","password":""})",
        R"({"username":7,"password":"x"})", R"({"username":"a:b","password":"x"})", R"({"username":"a\u0000","password":"x"})",
        R"({"username":"  ","password":"x"})"}) {
    INFO(body);
    reply r = create(w, body);
    CHECK(r.status == 403);
    CHECK(r.code() == 2003);
  }
  CHECK(create(w, "not json").code() == 103);
  CHECK(create(w, "[]").code() == 104);
  for (std::string name : {std::string(65, 'a'), std::string("a/b"), std::string("a\\u0007b")}) {
    reply r = create(w, name, md5_hex("x"));
    CHECK(r.status == 402);
    CHECK_FALSE(r.text("message").empty());
  }
}

TEST_CASE("a client that sends the password itself can log in with it") {
  world w(settings{{"kosync.registration", "on"}});
  REQUIRE(create(w, "carol", "open sesame").status == 201);
  CHECK(w.send("GET", "/kosync/users/auth", {{"x-auth-user", "carol"}, {"x-auth-key", "open sesame"}}).status == 200);
  CHECK(w.send("GET", "/kosync/users/auth", {{"x-auth-user", "carol"}, {"x-auth-key", md5_hex("open sesame")}}).status == 200);
}

TEST_CASE("an address registers a handful of accounts an hour, and the machine itself as many as it wants") {
  world w;
  set_time clock(now());
  auto allowed = [&](const std::string& address) {
    return w.other().write_now([&](db::tx& tx) { return kosync::may_register(tx, address); });
  };
  for (int i = 0; i < 10; ++i) CHECK(allowed("192.0.2.7"));
  CHECK_FALSE(allowed("192.0.2.7"));
  CHECK_FALSE(allowed("192.0.2.99"));  // the same network
  CHECK(allowed("198.51.100.1"));
  for (int i = 0; i < 30; ++i) CHECK(allowed("127.0.0.1"));
  clock.pass(std::chrono::minutes(61));
  CHECK(allowed("192.0.2.7"));
  CHECK(kosync::too_many_registrations().status == 402);
  CHECK(kosync::too_many_registrations().message.size() <= 150);
}

TEST_CASE("somebody who signs in meanwhile does not give an address another handful of accounts") {
  world w;
  set_time clock(now());
  auto allowed = [&] { return w.other().write_now([](db::tx& tx) { return kosync::may_register(tx, "192.0.2.7"); }); };
  for (int i = 0; i < 10; ++i) CHECK(allowed());
  clock.pass(std::chrono::minutes(5));
  w.other().write_now(
      [](db::tx& tx) { auth::count_try(tx, {"account:ada"}, {.failures = 5, .window = std::chrono::minutes(1)}); });
  CHECK_FALSE(allowed());
}
