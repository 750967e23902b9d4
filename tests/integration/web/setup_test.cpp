#include <catch2/catch.hpp>

#include "tests/integration/web/world.hpp"

using namespace carrel;
using namespace carrel::web::tests;

TEST_CASE("the first visit leads to the set-up, and the code makes the owner once") {
  world w(false);
  client c = w.anonymous();
  CHECK(c.get("/").header("Location") == "/login?next=%2F");
  CHECK(c.get("/login").header("Location") == "/setup");
  std::string code = w.setup_code();

  CHECK(c.post("/setup", {{"code", "aaaa-bbbb"}}).status == 422);
  reply form = c.post("/setup", {{"code", code}});
  CHECK(form.status == 200);
  CHECK(form.says("value=\"" + code + "\""));

  CHECK(c.post("/setup", {{"code", code}, {"name", "a/b"}, {"password", world::password}}).says("id=\"name-wrong\""));
  CHECK(c.post("/setup", {{"code", code}, {"name", "Miriam"}, {"password", "short"}}).says("id=\"password-wrong\""));
  CHECK(c.post("/setup", {{"code", code}, {"name", "Miriam"}, {"password", world::password}, {"again", "other"}}).status == 422);
  CHECK(w.number("select count(*) from users") == 0);

  reply made = c.post("/setup", {{"code", code}, {"name", "Miriam"}, {"password", world::password}, {"again", world::password}});
  CHECK(made.status == 303);
  CHECK(made.header("Location") == "/welcome");
  CHECK(c.get("/welcome").says("Your library is ready"));
  CHECK(c.get("/setup").status == 404);
  CHECK(c.post("/setup", {{"code", code}, {"name", "Second"}, {"password", world::password}}).status == 403);
  CHECK(w.anonymous().post("/setup", {{"code", code}, {"name", "Second"}, {"password", world::password}}).status == 404);
  CHECK(w.number("select count(*) from users where role = 'owner'") == 1);
}

TEST_CASE("signing in leads on to the page that was asked for, and only to one of ours") {
  world w;
  for (auto [next, lands] : std::vector<std::pair<std::string, std::string>>{{"/books?q=a", "/books?q=a"},
                                                                             {"//evil.test/", "/"},
                                                                             {"https://evil.test/", "/"},
                                                                             {"/\\evil.test", "/"},
                                                                             {"/a\r\nSet-Cookie: x=y", "/"},
                                                                             {"", "/"}}) {
    client c = w.anonymous();
    reply r = c.post("/login", {{"name", "reader"}, {"password", world::password}, {"next", next}});
    INFO(next);
    CHECK(r.status == 303);
    CHECK(r.header("Location") == lands);
    CHECK(r.header("Set-Cookie").find("HttpOnly; SameSite=Lax") != std::string::npos);
  }
}

TEST_CASE("a wrong password is answered with words, the same for a name that does not exist") {
  world w;
  client c = w.anonymous();
  reply wrong = c.post("/login", {{"name", "reader"}, {"password", "wrong"}});
  reply nobody = c.post("/login", {{"name", "nobody"}, {"password", "wrong"}});
  CHECK(wrong.status == 401);
  CHECK(nobody.status == 401);
  CHECK(wrong.says("Name or password is wrong"));
  CHECK(wrong.header("WWW-Authenticate").empty());
  CHECK(c.cookies.empty());
}

TEST_CASE("a form of another site cannot sign anybody in or set anything up") {
  world w;
  client c = w.anonymous();
  c.always = {{"Sec-Fetch-Site", "cross-site"}};
  CHECK(c.post("/login", {{"name", "reader"}, {"password", world::password}}).status == 403);
  CHECK(c.post("/setup", {{"code", "x"}}).status == 403);
  CHECK(c.post("/theme", {{"theme", "dark"}}).status == 403);
  CHECK(c.api("POST", "/session", R"({"name":"reader","password":"paper lantern harbour"})").status == 403);
}

TEST_CASE("on plain http a browser says in Origin where its form comes from") {
  world w;
  fields right{{"name", "reader"}, {"password", world::password}};
  for (const std::string& origin :
       std::vector<std::string>{"http://evil.test", "https://localhost.evil.test", "null", "http://"}) {
    INFO(origin);
    client c = w.anonymous();
    c.always = {{"Origin", origin}};
    CHECK(c.post("/login", right).status == 403);
    CHECK(c.post("/theme", {{"theme", "dark"}}).status == 403);
    CHECK(c.api("POST", "/session", R"({"name":"reader","password":"paper lantern harbour"})").status == 403);
  }
  // The address of the request, also when a proxy changed the scheme and did not say so; and the configured one.
  for (const std::string& origin : std::vector<std::string>{"http://127.0.0.1", "https://127.0.0.1", "http://BOOKS.test:80"}) {
    INFO(origin);
    client c = w.anonymous();
    c.always = {{"Origin", origin}};
    CHECK(c.post("/login", right).status == 303);
  }
}

TEST_CASE("setup codes cannot be tried for ever") {
  world w(false);
  std::string code = w.setup_code();
  client c = w.anonymous();
  for (int i = 0; i < 5; ++i) CHECK(c.post("/setup", {{"code", "aaaa-bbbb"}}).status == 422);
  reply r = c.post("/setup", {{"code", code}});
  CHECK(r.status == 429);
  CHECK_FALSE(r.header("Retry-After").empty());
  CHECK(r.says("too many tries"));
}

TEST_CASE("a sign-in's cookie lives as long as the sign-in can") {
  world w;
  client c = w.anonymous();
  reply r = c.post("/login", {{"name", "reader"}, {"password", world::password}});
  CHECK(r.header("Set-Cookie").find("; Max-Age=7776000;") != std::string::npos);  // auth.max, 90 days
}

TEST_CASE("signing out ends the session for good") {
  world w;
  client c = w.as("reader");
  auto kept = c.cookies;
  CHECK(c.post("/logout").header("Location") == "/login");
  CHECK(c.cookies.empty());
  c.cookies = kept;
  CHECK(c.get("/").status == 303);
}

TEST_CASE("a new password ends every other sign-in and keeps this one") {
  world w;
  client here = w.as("reader"), there = w.as("reader");
  fields form{{"now", world::password}, {"password", "another long password"}, {"again", "another long password"}};
  CHECK(here.post("/account/password",
                  {{"now", "wrong"}, {"password", "another long password"}, {"again", "another long password"}})
            .status == 422);
  CHECK(here.post("/account/password", form).status == 303);
  CHECK(here.get("/account").status == 200);
  CHECK(there.get("/account").status == 303);
}

TEST_CASE("an account that is switched off sees nothing at once") {
  world w;
  client c = w.as("reader");
  CHECK(w.as("owner").post("/people/" + w.reader.text() + "/disable").status == 303);
  CHECK(c.get("/books").status == 303);
  CHECK(c.api("GET", "/books").status == 401);
}
