// The test list of kosync.md 14, items 1 to 7, 11 to 15 and 21.
#include <catch2/catch.hpp>

#include "server/core/text.hpp"
#include "tests/harness/wire.hpp"
#include "tests/integration/kosync/world.hpp"

using namespace carrel;
using namespace carrel::kosync::tests;

TEST_CASE("what KOReader was captured sending is answered with application/json, byte for byte") {
  world w;
  reader alice = w.shared("alice");
  std::string in = harness::exchange(w.port(),
                                     "GET /kosync/users/auth HTTP/1.1\r\nHost: library.example\r\nUser-Agent: lua-Spore\r\n"
                                     "Accept: application/vnd.koreader.v1+json\r\nx-auth-user: alice\r\nx-auth-key: " +
                                         alice.key + "\r\nTE: trailers\r\nConnection: close, TE\r\n\r\n");
  CHECK(in.starts_with("HTTP/1.1 200 "));
  CHECK(in.find("\r\nContent-Type: application/json\r\n") != in.npos);
  CHECK(in.find("Content-Encoding") == in.npos);
  CHECK(in.ends_with("\r\n\r\n{\"authorized\":\"OK\"}"));
}

TEST_CASE("an unknown document is 200 with an empty object") {
  world w;
  reply r = w.shared("alice").get("59d481d168cca6267322f150c5f6a2a3");
  CHECK(r.status == 200);
  CHECK(r.body == "{}");
  CHECK(r.header("Content-Type") == "application/json");
}

TEST_CASE("what was pushed comes back in all fields, with the server's time") {
  world w;
  reader alice = w.shared("alice");
  std::int64_t before = unix_seconds(now());
  reply stored = alice.push("59d481d168cca6267322f150c5f6a2a3", 0.4213, "/body/DocFragment[12]/body/p[3]/text().0");
  CHECK(stored.status == 200);
  CHECK(stored.text("document") == "59d481d168cca6267322f150c5f6a2a3");
  CHECK(std::stol(stored.text("timestamp")) >= before);
  CHECK(std::stol(stored.text("timestamp")) <= before + 5);

  reply got = alice.get("59d481d168cca6267322f150c5f6a2a3");
  CHECK(got.body == R"({"document":"59d481d168cca6267322f150c5f6a2a3","percentage":0.4213,)"
                    R"("progress":"/body/DocFragment[12]/body/p[3]/text().0","device":"Kobo_nova",)"
                    R"("device_id":"3F2504E04F8941D39A0C0305E82C3301","timestamp":)" +
                        stored.text("timestamp") + "}");
}

TEST_CASE("percentages survive as they were sent") {
  world w;
  reader alice = w.shared("alice");
  for (std::string sent : {"0", "1", "0.4213", "0.0003", "0.0029", "1.5", "-0.25", "0.12345678901234566"}) {
    REQUIRE(alice.put(R"({"document":"d","progress":"p","device":"a","percentage":)" + sent + "}").status == 200);
    CHECK(alice.get("d").text("percentage") == sent);
  }
  REQUIRE(alice.put(R"({"document":"d","progress":"p","device":"a","percentage":" 0.25 "})").status == 200);
  CHECK(alice.get("d").text("percentage") == "0.25");
}

TEST_CASE("progress comes back byte for byte") {
  world w;
  reader alice = w.shared("alice");
  for (std::string progress : {"#_doc_fragment_11_ x", " leading and trailing ", "\"quoted\" \\ and \t tab", "Пикник 📖 e\u0301",
                               "/a\u0001b\u007f", "</script>", "line\nend\r\n"}) {
    REQUIRE(alice.push("d", 0.5, progress).status == 200);
    CHECK(alice.get("d").text("progress") == progress);
  }
  CHECK(alice.push("d", 0.5, std::string(4096, 'x')).status == 200);
  CHECK(alice.push("d", 0.5, std::string(4097, 'x')).code() == 2003);
  reply large = alice.push("d", 0.5, std::string(1 << 20, 'x'));
  CHECK(large.status == 413);
  CHECK(large.code() == 2003);
  CHECK(alice.get("d").text("progress") == std::string(4096, 'x'));
}

TEST_CASE("a page number of an old client becomes text") {
  world w;
  reader alice = w.shared("alice");
  auto stored_as = [&](const std::string& number) {
    REQUIRE(alice.put(R"({"document":"d","device":"a","percentage":0.5,"progress":)" + number + "}").status == 200);
    return alice.get("d").text("progress");
  };
  CHECK(stored_as("57") == "57");
  CHECK(stored_as("57.0") == "57");
  CHECK(stored_as("57.5") == "57.5");
}

TEST_CASE("a time that the client sends is ignored") {
  world w;
  reader alice = w.shared("alice");
  REQUIRE(alice.put(R"({"document":"d","device":"a","percentage":0.5,"progress":"p","timestamp":1})").status == 200);
  CHECK(std::stol(alice.get("d").text("timestamp")) > 1'700'000'000);
  CHECK(alice.get("d").text("device_id").empty());
  CHECK(alice.get("d").body.find("device_id") == std::string::npos);
}

TEST_CASE("the timestamp of a document never runs backwards") {
  world w;
  reader alice = w.shared("alice");
  set_time clock(now());
  alice.push("d", 0.5, "p1");
  std::string first = alice.get("d").text("timestamp");
  clock.pass(std::chrono::seconds(-3600));
  reply again = alice.push("d", 0.6, "p2");
  CHECK(again.text("timestamp") == first);
  CHECK(alice.get("d").text("timestamp") == first);
  CHECK(alice.get("d").text("progress") == "p2");
}

TEST_CASE("with one password the last push wins, and the history has both") {
  world w;
  reader alice = w.shared("alice");
  alice.push("d", 0.9, "p9", "B", "BB");
  alice.push("d", 0.1, "p1", "C", "CC");
  CHECK(alice.get("d").text("percentage") == "0.1");
  uuid user = w.other().read_now([](db::tx& tx) { return library::find_user_named(tx, "alice")->id; });
  CHECK(history_of(w, user, "d") == std::vector<past>{{0.9, true, ""}, {0.1, true, ""}});
}

TEST_CASE("a repeat renews the time and makes no history row") {
  world w;
  reader alice = w.shared("alice");
  set_time clock(now());
  alice.push("d", 0.5, "p");
  std::string first = alice.get("d").text("timestamp");
  clock.pass(std::chrono::seconds(30));
  alice.push("d", 0.5, "p");
  CHECK(std::stol(alice.get("d").text("timestamp")) == std::stol(first) + 30);
  uuid user = w.other().read_now([](db::tx& tx) { return library::find_user_named(tx, "alice")->id; });
  CHECK(history_of(w, user, "d").size() == 1);
}

TEST_CASE("any name that may be pushed may be fetched") {
  world w;
  reader alice = w.shared("alice");
  for (const std::string& document :
       std::vector<std::string>{"a-b.c~d_E", "with blank", "per%cent+plus", "Éluard", "..", "q?x=1#y", std::string(256, 'd')}) {
    REQUIRE(alice.push(document, 0.5, "p").status == 200);
    reply r = alice.get(document);
    CHECK(r.text("document") == document);
  }
  reply colon = alice.push("a:b", 0.5, "p");
  CHECK(colon.status == 403);
  CHECK(colon.code() == 2004);
  for (const std::string& document : std::vector<std::string>{"a:b", "a/b", std::string(257, 'd'), "tab\there"})
    CHECK(alice.get(document).body == "{}");
  for (const std::string& document : std::vector<std::string>{"a/b", std::string(257, 'd'), "tab\there"})
    CHECK(alice.push(document, 0.5, "p").code() == 2003);
  for (std::string odd : {"%ff", "%00", "%", "%zz"}) {
    reply r = w.send("GET", "/kosync/syncs/progress/" + odd, alice.sign_in());
    CHECK(r.status == 400);
    CHECK(r.code() == 2003);
    CHECK(r.header("Content-Type") == "application/json");
    CHECK(r.header("Access-Control-Allow-Origin") == "*");
  }
}

TEST_CASE("one account neither sees nor overwrites another's positions") {
  world w;
  reader alice = w.shared("alice"), bob = w.shared("bob");
  alice.push("d", 0.9, "of alice");
  CHECK(bob.get("d").body == "{}");
  bob.push("d", 0.1, "of bob");
  CHECK(alice.get("d").text("progress") == "of alice");
  CHECK(bob.get("d").text("progress") == "of bob");
}

TEST_CASE("there is no list of documents") {
  world w;
  reader alice = w.shared("alice");
  alice.push("secret-document", 0.9, "p");
  for (std::string path : {"/kosync/syncs/progress", "/kosync/syncs/progress/", "/syncs/progress", "/syncs/progress/"}) {
    reply r = w.send("GET", path, alice.sign_in());
    CHECK(r.status == 405);
    CHECK(r.code() == 405);
    CHECK(r.header("Allow").find("PUT") != std::string::npos);
    CHECK(r.body.find("secret") == std::string::npos);
  }
}

TEST_CASE("a browser may ask, and may read the refusal") {
  world w;
  headers preflight{{"Origin", "https://web.readest.com"},
                    {"Access-Control-Request-Method", "PUT"},
                    {"Access-Control-Request-Headers", "accept, content-type, x-auth-user, x-auth-key"}};
  for (std::string path : {"/kosync/syncs/progress", "/kosync/syncs/progress/d", "/kosync/users/auth", "/kosync/users/create",
                           "/kosync/healthcheck", "/kosync/elsewhere", "/syncs/progress", "/users/auth", "/healthcheck"}) {
    INFO(path);
    reply r = w.send("OPTIONS", path, preflight);
    CHECK(r.status == 204);
    CHECK(r.body.empty());
    CHECK(r.header("Access-Control-Allow-Origin") == "*");
    CHECK(r.header("Access-Control-Allow-Methods") == "GET, PUT, POST, DELETE, OPTIONS");
    CHECK(r.header("Access-Control-Allow-Headers") == "accept, authorization, content-type, x-auth-user, x-auth-key");
    CHECK(r.header("Access-Control-Max-Age") == "86400");
    CHECK(r.header("Access-Control-Allow-Private-Network").empty());
  }
  preflight.emplace_back("Access-Control-Request-Private-Network", "true");
  CHECK(w.send("OPTIONS", "/kosync/users/auth", preflight).header("Access-Control-Allow-Private-Network") == "true");

  reply refused = w.send("GET", "/kosync/users/auth", {{"Origin", "https://web.readest.com"}});
  CHECK(refused.status == 401);
  for (const reply& r : {refused, w.send("GET", "/kosync/nowhere"), w.send("POST", "/kosync/syncs/progress"),
                         w.send("GET", "/healthcheck"), w.send("GET", "/kosync/robots.txt")}) {
    CHECK(r.header("Access-Control-Allow-Origin") == "*");
    CHECK(r.header("WWW-Authenticate").empty());
  }
}

TEST_CASE("nothing redirects, and a trailing slash does no harm") {
  world w;
  reader alice = w.shared("alice");
  for (std::string base : {"", "/kosync"}) {
    INFO(base);
    headers h = alice.sign_in();
    CHECK(w.send("GET", base + "/users/auth", h).status == 200);
    CHECK(w.send("GET", base + "/users/auth/", h).status == 200);
    CHECK(w.send("PUT", base + "/syncs/progress/", h, push_body("d", 0.5, "p", "a", "b")).status == 200);
    CHECK(w.send("GET", base + "/syncs/progress/d/", h).text("progress") == "p");
    CHECK(w.send("GET", base + "//syncs//progress/d", h).text("progress") == "p");
    CHECK(w.send("GET", base + "/healthcheck/", h).body == R"({"state":"OK"})");
    CHECK(w.send("POST", base + "/users/create/", {}, "{}").status == 402);
    CHECK(w.send("GET", base + "/robots.txt").body == "User-agent: *\nDisallow: /\n");
    reply head = w.send("HEAD", base + "/syncs/progress/d", h);
    CHECK(head.status == 200);
    CHECK(head.body.empty());
  }
}

TEST_CASE("an address that is none says which one is right") {
  world w(settings{{"external_url", "https://books.example.org"}});
  for (std::string path :
       {"/kosync", "/kosync/", "/kosync/v1/syncs", "/kosync/kosync/users/auth", "/users/me", "/syncs/elsewhere"}) {
    INFO(path);
    reply r = w.send("GET", path);
    CHECK(r.status == 404);
    CHECK(r.code() == 404);
    CHECK(r.text("message") == "Not found. This is Carrel, but not its sync address. Use https://books.example.org/kosync.");
    CHECK(r.header("Content-Type") == "application/json");
  }
  reply wrong = w.send("DELETE", "/kosync/users/auth");
  CHECK(wrong.status == 405);
  CHECK(wrong.code() == 405);
  CHECK(wrong.header("Allow") == "GET, HEAD, OPTIONS");
}

TEST_CASE("a server that does not speak KOSync says so") {
  world w(settings{{"kosync.enabled", "off"}});
  reply r = w.send("GET", "/kosync/users/auth");
  CHECK(r.status == 404);
  CHECK(r.text("message") == "KOSync is switched off on this server.");
  CHECK(w.send("PUT", "/kosync/syncs/progress", {}, "{}").status == 404);
  CHECK(w.send("GET", "/users/auth").status == 404);
  CHECK(w.send("GET", "/robots.txt").status == 200);
}

TEST_CASE("metadata is kept, and a push without it clears nothing") {
  world w;
  reader alice = w.shared("alice");
  REQUIRE(
      alice
          .put(
              R"({"document":"d","device":"a","percentage":0.5,"progress":"p",)"
              R"("metadata":{"filename":"Moby Dick.epub","title":"Moby Dick","authors":"Herman Melville\nAnother Name"},"unknown":[1]})")
          .status == 200);
  REQUIRE(alice.push("d", 0.6, "p2").status == 200);
  REQUIRE(alice.put(R"({"document":"d","device":"a","percentage":0.5,"progress":"p","metadata":{"title":7,"authors":null}})")
              .status == 200);
  auto row = w.other().read_now([](db::tx& tx) {
    static constexpr db::statement sql{"test.document", "select file_name, title, authors from documents where document = 'd'"};
    db::rows rows = tx.run(sql);
    return std::vector<std::string>{rows[0].text(0), rows[0].text(1), rows[0].text(2)};
  });
  CHECK(row == std::vector<std::string>{"Moby Dick.epub", "Moby Dick", "Herman Melville\nAnother Name"});
}

TEST_CASE("the health check says nothing but OK") {
  world w;
  reply r = w.send("GET", "/kosync/healthcheck");
  CHECK(r.status == 200);
  CHECK(r.body == R"({"state":"OK"})");
  CHECK(r.header("Content-Type") == "application/json");
}
