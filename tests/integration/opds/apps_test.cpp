// What apps are told about the server, and what web apps of other origins may read (opds.md 3.10, 3.11, 4.3).
#include <catch2/catch.hpp>
#include <pugixml.hpp>

#include "library/device.hpp"
#include "server/core/digest.hpp"
#include "server/core/json.hpp"
#include "server/core/text.hpp"
#include "tests/harness/eventually.hpp"
#include "tests/integration/opds/world.hpp"

using namespace carrel;
using namespace carrel::opds::tests;

namespace {

constexpr db::statement sql_session{"test.session", R"sql(
  insert into sessions (id, token_hash, user_id, csrf) values ($1, $2, $3, 'x'))sql"};

std::string cover_of(client& http, const std::string& feed) {
  pugi::xml_document doc = parsed(http.get(feed).body);
  for (pugi::xml_node l : doc.child("feed").child("entry").children("link")) {
    if (std::string(l.attribute("rel").value()) == "http://opds-spec.org/image") return path_of_url(l.attribute("href").value());
  }
  return "";
}

}  // namespace

TEST_CASE("a browser's session opens covers of what its account sees, and nothing else of the catalog") {
  world w(settings{{"opds.signed_covers", "0"}});
  w.add({.title = "Open", .tags = {"open"}, .cover = true});
  made_book secret = w.add({.title = "Secret", .tags = {"secret"}, .cover = true});
  library::limits limits;
  limits.hidden_tags = {"secret"};
  sign_in child = w.add_reader("child", "limited", &limits);
  auto browser = w.anonymous();
  std::string cookie = "carrel_session=cookie";
  w.other().write_now([&](db::tx& tx) { tx.run(sql_session, uuid::make(), db::bytes{sha256_raw("cookie")}, child.user); });
  browser->always = {{"Cookie", cookie}};

  std::string open = cover_of(*w.as(child), "/opds/new"), closed = cover_of(*w.as(w.owner), "/opds/new");
  REQUIRE(closed.find(secret.id.text()) != std::string::npos);
  std::string thumbnail = open;
  thumbnail.replace(thumbnail.find("/1600"), 5, "/300");
  for (const std::string& cover : {open, thumbnail}) {
    CHECK(browser->get(cover).status == 200);
    CHECK(browser->get(cover).header("Content-Type") == "image/jpeg");
    CHECK(browser->head(cover).status == 200);
    CHECK_FALSE(browser->get(cover).has("Set-Cookie"));
    CHECK(w.anonymous()->get(cover).status == 401);
    CHECK(w.anonymous()->get(cover, {{"Cookie", "carrel_session=other"}}).status == 401);
  }
  CHECK(browser->get(closed).status == 404);
  for (const char* path : {"/opds", "/opds/new", "/opds/search.xml", "/opds/shelves"}) {
    INFO(path);
    CHECK(browser->get(path).status == 401);
    CHECK_FALSE(w.as(child)->get(path).has("Set-Cookie"));
  }
}

TEST_CASE("a device whose secret does not open the catalog gets 403 everywhere in it") {
  world w;
  made_book b = w.add({.title = "Closed", .cover = true});
  auto http = w.as(w.owner);
  std::string cover = cover_of(*http, "/opds/new");
  cover = cover.substr(0, cover.find('?'));
  w.change([&](db::tx& tx) { REQUIRE(library::set_device_scopes(tx, w.owner.device, {"kosync"})); });
  for (const std::string& path : {std::string("/opds"), std::string("/opds/new"), std::string("/opds/search?q=closed"),
                                  "/opds/books/" + b.id.text(), "/opds/dl/" + b.file.text() + "/x.epub", cover}) {
    INFO(path);
    reply r = http->get(path);
    CHECK(r.status == 403);
    CHECK(r.header("Content-Type") == "text/plain;charset=utf-8");
    CHECK(r.body.find("Closed") == std::string::npos);
    CHECK(http->head(path).status == 403);
  }
  w.change([&](db::tx& tx) { REQUIRE(library::set_device_scopes(tx, w.owner.device, {"kosync", "opds"})); });
  CHECK(http->get("/opds").status == 200);
}

TEST_CASE("credentials are taken as clients write them") {
  world w;
  auto http = w.anonymous();
  std::string pair = base64("owner:" + w.owner.password), bare = pair;
  while (bare.ends_with('=')) bare.pop_back();
  for (const std::string& header : {"Basic " + pair, "BASIC " + pair, "basic  " + pair, "Basic " + bare}) {
    INFO(header);
    CHECK(http->get("/opds", {{"Authorization", header}}).status == 200);
  }
  sign_in umlaut = w.add_reader("jörg");
  CHECK(http->get("/opds", {{"Authorization", basic("jörg", umlaut.password)}}).status == 200);
  CHECK(http->get("/opds", {{"Authorization", basic("j\xf6rg", umlaut.password)}}).status == 200);
  CHECK(http->get("/opds", {{"Authorization", basic("j\xc3\x28rg", umlaut.password)}}).status == 401);
}

TEST_CASE("the authentication document and every feed show a picture that anybody can load") {
  world w;
  w.add({.title = "Pictured"});
  auto nobody = w.anonymous();
  result<json::object> document = json::read_object(nobody->get("/opds/auth.json").body);
  REQUIRE(document);
  std::string text = json::dump(*document);
  CHECK(text.find(R"("rel":"logo","href":")" + w.base() + R"(/opds/icon.png","type":"image/png","width":128,"height":128)") !=
        std::string::npos);
  CHECK(text.find(R"("rel":"help","href":")" + w.base() + R"(/devices/add/app","type":"text/html")") != std::string::npos);
  for (const char* feed : {"/opds", "/opds/new", "/opds/authors", "/opds/search?q=pictured"}) {
    INFO(feed);
    pugi::xml_document doc = parsed(w.as(w.owner)->get(feed).body);
    CHECK(std::string(doc.child("feed").child_value("icon")) == w.base() + "/opds/icon.png");
  }
  reply icon = nobody->get("/opds/icon.png");
  REQUIRE(icon.status == 200);
  CHECK(icon.header("Content-Type") == "image/png");
  CHECK(icon.body.starts_with("\x89PNG\r\n"));
  CHECK(icon.body.substr(16, 8) == std::string("\0\0\0\x80\0\0\0\x80", 8));
  CHECK(nobody->get("/opds/icon.png", {{"If-None-Match", icon.header("ETag")}}).status == 304);
  CHECK(nobody->head("/opds/icon.png").status == 200);
}

TEST_CASE("web apps of other origins read nothing unless they are listed") {
  world closed;
  auto http = closed.as(closed.owner);
  reply r = http->get("/opds/new", {{"Origin", "https://app.example"}});
  CHECK(r.header("Cross-Origin-Resource-Policy") == "cross-origin");
  CHECK_FALSE(r.has("Access-Control-Allow-Origin"));
  CHECK(r.header("Vary").find("Origin") == std::string::npos);
  reply asked = closed.anonymous()->send("OPTIONS", "/opds/new", {{"Origin", "https://app.example"}});
  CHECK(asked.status == 204);
  CHECK_FALSE(asked.has("Access-Control-Allow-Origin"));
}

TEST_CASE("a listed web app reads the catalog with its own credentials") {
  world w(settings{{"opds.cors_origins", "https://app.example, https://other.example:8443"}});
  made_book b = w.add({.title = "Shared", .cover = true});
  auto http = w.as(w.owner), nobody = w.anonymous();
  std::string cover = cover_of(*http, "/opds/new"), file = "/opds/dl/" + b.file.text() + "/x.epub";
  headers listed{{"Origin", "https://app.example"}}, stranger{{"Origin", "https://evil.example"}};
  for (const std::string& path : {std::string("/opds"), std::string("/opds/new"), std::string("/opds/auth.json"), file, cover}) {
    INFO(path);
    reply r = http->get(path, listed);
    CHECK(r.status == 200);
    CHECK(r.header("Access-Control-Allow-Origin") == "https://app.example");
    CHECK(r.header("Access-Control-Expose-Headers") ==
          "Content-Disposition, Content-Range, ETag, Last-Modified, Link, WWW-Authenticate");
    CHECK_FALSE(r.has("Access-Control-Allow-Credentials"));
    CHECK(r.header("Vary").find("Origin") != std::string::npos);
    CHECK_FALSE(http->get(path, stranger).has("Access-Control-Allow-Origin"));
    CHECK(http->get(path, stranger).header("Vary").find("Origin") != std::string::npos);

    reply asked = nobody->send("OPTIONS", path, listed);
    CHECK(asked.status == 204);
    CHECK(asked.header("Allow") == "GET, HEAD, OPTIONS");
    CHECK(asked.header("Access-Control-Allow-Origin") == "https://app.example");
    CHECK(asked.header("Access-Control-Allow-Headers") == "Authorization, Content-Type, If-None-Match, Range");
    CHECK(asked.header("Access-Control-Allow-Methods") == "GET, HEAD, PUT, OPTIONS");
    CHECK(asked.header("Access-Control-Max-Age") == "86400");
    CHECK_FALSE(nobody->send("OPTIONS", path, stranger).has("Access-Control-Allow-Methods"));
  }
  // Errors too: an app that may not read a 401 cannot ask for the password.
  CHECK(nobody->get("/opds/new", listed).header("Access-Control-Allow-Origin") == "https://app.example");
  CHECK(http->get("/opds/nowhere", listed).header("Access-Control-Allow-Origin") == "https://app.example");
  std::string tag = http->get("/opds/new", listed).header("ETag");
  reply same = http->get("/opds/new", {{"Origin", "https://app.example"}, {"If-None-Match", tag}});
  CHECK(same.status == 304);
  CHECK(same.header("Access-Control-Allow-Origin") == "https://app.example");
}

TEST_CASE("a star lets every web app read") {
  world w(settings{{"opds.cors_origins", "*"}});
  reply r = w.as(w.owner)->get("/opds", {{"Origin", "https://any.example"}});
  CHECK(r.header("Access-Control-Allow-Origin") == "*");
  CHECK(r.header("Vary").find("Origin") == std::string::npos);
}

TEST_CASE("with opds.profiles off KOReader is answered like any other app") {
  world w(settings{{"opds.profiles", "off"}});
  w.add({.title = "Heard", .authors = {"Ada Fenwick", "Mo Castell"}, .format = "m4b", .extension = ".m4b"});
  auto http = w.as(w.owner);
  headers koreader{{"User-Agent", "KOReader/2026.07 (Kobo Libra 2)"}};
  CHECK(http->get("/opds/new", koreader).body == http->get("/opds/new").body);
  CHECK(titles_of(http->get("/opds/new", koreader).body).size() == 1);
}

TEST_CASE("a device has at most six downloads under way; covers, feeds and other devices are not held up") {
  world w;
  made_book b = w.add({.title = "Large", .bytes = std::string(24 << 20, 'x'), .cover = true});
  sign_in other = w.add_reader("other");
  auto http = w.as(w.owner);
  std::string file = "/opds/dl/" + b.file.text() + "/Large.epub", cover = cover_of(*http, "/opds/new");
  std::vector<std::unique_ptr<client>> busy;
  for (int i = 0; i < 6; ++i) {
    busy.push_back(w.as(w.owner));
    REQUIRE(busy.back()->begin("GET", file).status == 200);
  }
  reply refused = http->get(file);
  CHECK(refused.status == 429);
  CHECK(refused.header("Retry-After") == "10");
  CHECK(refused.header("Content-Type") == "text/plain;charset=utf-8");
  CHECK(http->head(file).status == 200);
  CHECK(http->get(cover).status == 200);
  CHECK(http->get("/opds/new").status == 200);
  CHECK(w.as(other)->get(file, {{"Range", "bytes=0-9"}}).status == 206);

  // One that breaks off makes room, as soon as the server has seen it go.
  busy.pop_back();
  CHECK(harness::eventually([&] { return http->get(file, {{"Range", "bytes=0-9"}}).status == 206; }));
}

TEST_CASE("with opds.enabled off there is no catalog, and covers stay for the pages") {
  world w(settings{{"opds.enabled", "off"}});
  made_book b = w.add({.title = "Hidden away", .cover = true});
  auto http = w.as(w.owner);
  for (const char* path : {"/opds", "/opds/new", "/opds/auth.json", "/opds/v1.2"}) {
    INFO(path);
    reply r = http->get(path);
    CHECK(r.status == 404);
    CHECK(r.body == "The catalog is switched off on this server.\n");
  }
  CHECK(http->get("/covers/" + b.id.text() + "/300").status == 200);
}
