#include <catch2/catch.hpp>
#include <chrono>
#include <pugixml.hpp>

#include "library/device.hpp"
#include "library/shelf.hpp"
#include "server/core/text.hpp"
#include "tests/integration/opds/world.hpp"

using namespace carrel;
using namespace carrel::opds::tests;

namespace {

void check_challenge(const reply& r, const std::string& base) {
  CHECK(r.status == 401);
  CHECK(r.header("WWW-Authenticate") == "Basic realm=\"Carrel\", charset=\"UTF-8\"");
  CHECK(r.header("Content-Type") == "application/opds-authentication+json");
  CHECK(r.header("Link") ==
        "<" + base +
            "/opds/auth.json>; rel=\"http://opds-spec.org/auth/document\"; type=\"application/opds-authentication+json\"");
  CHECK(r.header("Cache-Control") == "no-store");
  CHECK(r.header("Cross-Origin-Resource-Policy") == "cross-origin");
}

}  // namespace

TEST_CASE("without or with wrong credentials the answer is 401 with the authentication document") {
  world w;
  auto http = w.anonymous();
  std::string document = http->get("/opds/auth.json").body;
  CHECK(http->get("/opds/auth.json").header("Content-Type") == "application/opds-authentication+json");
  CHECK(document.find("\"id\":\"" + w.base() + "/opds/auth.json\"") != std::string::npos);
  for (const char* path : {"/opds", "/opds/new", "/opds/search.xml", "/opds/dl/0193b6a0-0000-7000-8000-00000000abcd/x.epub"}) {
    INFO(path);
    reply r = http->get(path);
    check_challenge(r, w.base());
    CHECK(r.body == document);
    check_challenge(http->head(path), w.base());
    check_challenge(http->get(path, {{"Authorization", basic("owner", "wrong-word-here-now")}}), w.base());
    check_challenge(http->get(path, {{"Authorization", basic("nobody", w.owner.password)}}), w.base());
    check_challenge(http->get(path, {{"Authorization", "Basic ???"}}), w.base());
  }
  CHECK(http->get("/opds", {{"Authorization", "basic " + base64("owner:" + w.owner.password)}}).status == 200);
  CHECK(http->get("/opds", {{"Authorization", "Bearer " + w.owner.password}}).status == 200);
}

TEST_CASE("a disabled account gets 403 and one line of text") {
  world w;
  sign_in reader = w.add_reader("reader");
  auto http = w.as(reader);
  REQUIRE(http->get("/opds").status == 200);
  w.change([&](db::tx& tx) { library::disable_user(tx, reader.user, true); });
  reply r = http->get("/opds");
  CHECK(r.status == 403);
  CHECK(r.header("Content-Type") == "text/plain;charset=utf-8");
}

TEST_CASE("a revoked device gets 401") {
  world w;
  sign_in reader = w.add_reader("reader");
  auto http = w.as(reader);
  REQUIRE(http->get("/opds").status == 200);
  w.change([&](db::tx& tx) { library::revoke_device(tx, reader.device); });
  check_challenge(http->get("/opds"), w.base());
}

TEST_CASE("1,000 requests without credentials do not keep the right one out") {
  world w;
  auto http = w.anonymous();
  for (int i = 0; i < 1000; ++i) REQUIRE(http->get("/opds").status == 401);
  auto began = std::chrono::steady_clock::now();
  CHECK(w.as(w.owner)->get("/opds").status == 200);
  CHECK(std::chrono::steady_clock::now() - began < std::chrono::milliseconds{500});
}

TEST_CASE("methods other than reading are refused with Allow, and OPTIONS needs no sign-in") {
  world w;
  reply put = w.as(w.owner)->send("PUT", "/opds/new", {{"Content-Length", "0"}});
  CHECK(put.status == 405);
  CHECK(put.header("Allow").find("GET") != std::string::npos);
  reply options = w.anonymous()->send("OPTIONS", "/opds/new");
  CHECK(options.status == 204);
  CHECK(options.header("Allow").find("HEAD") != std::string::npos);
}

TEST_CASE("unknown addresses and ids are 404 in plain text") {
  world w;
  auto http = w.as(w.owner);
  std::string none = uuid::make().text();
  for (const std::string& path :
       {std::string("/opds/nowhere"), std::string("/opds/v2/nowhere"), "/opds/books/" + none, "/opds/authors/" + none,
        "/opds/series/" + none, "/opds/tags/" + none, "/opds/shelves/" + none, std::string("/opds/languages/xx"),
        std::string("/opds/books/4711"), std::string("/opds/dl/1/x.epub"), "/opds/dl/" + none + "/x.epub",
        "/covers/" + none + "/300", "/covers/" + none + "/301"}) {
    INFO(path);
    reply r = http->get(path);
    CHECK(r.status == 404);
    CHECK(r.header("Content-Type") == "text/plain;charset=utf-8");
    CHECK(http->head(path).status == 404);
  }
}

TEST_CASE("a reader with a hidden tag sees no trace of the book") {
  world w;
  made_book secret = w.add({.title = "Secret Harbour",
                            .authors = {"Hidden Author"},
                            .series = "Hidden Series",
                            .index = 1,
                            .tags = {"secret"},
                            .languages = {"fr"},
                            .cover = true});
  made_book plain = w.add({.title = "Open Harbour", .authors = {"Plain Author"}, .tags = {"open"}, .cover = true});
  library::limits limits;
  limits.hidden_tags = {"secret"};
  sign_in child = w.add_reader("child", "limited", &limits);
  uuid shelf{};
  w.change([&](db::tx& tx) {
    shelf = library::create_shelf(tx, w.owner.user, "Harbour shelf", true)->id;
    library::add_to_shelf(tx, w.owner.user, shelf, {secret.id, plain.id});
    library::shelf_change share;
    share.shared = true;
    REQUIRE(library::change_shelf(tx, w.owner.user, shelf, share));
  });

  auto grown = w.as(w.owner), http = w.as(child);
  // The addresses of what is hidden, as somebody else sees them.
  std::vector<std::string> hidden{"/opds/books/" + secret.id.text(), "/opds/dl/" + secret.file.text() + "/x.epub",
                                  "/covers/" + secret.id.text() + "/300", "/opds/languages/fr"};
  for (const char* list : {"/opds/authors", "/opds/series", "/opds/tags"}) {
    pugi::xml_document doc = parsed(grown->get(list).body);
    for (pugi::xml_node e : doc.child("feed").children("entry")) {
      std::string title = e.child_value("title");
      if (title.find("idden") != std::string::npos || title == "secret")
        hidden.push_back(path_of_url(e.child("link").attribute("href").value()));
    }
  }
  CHECK(hidden.size() == 7);
  for (const std::string& path : hidden) {
    INFO(path);
    CHECK(grown->get(path).status == 200);
    CHECK(http->get(path).status == 404);
    CHECK(http->head(path).status == 404);
  }
  for (const std::string& path :
       {std::string("/opds"), std::string("/opds/new"), std::string("/opds/books"), std::string("/opds/authors"),
        std::string("/opds/authors?i=H"), std::string("/opds/series"), std::string("/opds/tags"), std::string("/opds/languages"),
        std::string("/opds/shelves"), "/opds/shelves/" + shelf.text(), std::string("/opds/search?q=harbour"),
        std::string("/opds/search?author=hidden"), std::string("/opds/search?tag=secret")}) {
    INFO(path);
    reply r = http->get(path);
    CHECK(r.status == 200);
    CHECK(r.body.find("Secret") == std::string::npos);
    CHECK(r.body.find("Hidden") == std::string::npos);
    CHECK(r.body.find(secret.id.text()) == std::string::npos);
    CHECK(r.body.find("French") == std::string::npos);
  }
  CHECK(http->get("/opds/shelves").body.find("thr:count=\"1\"") != std::string::npos);
  CHECK(titles_of(http->get("/opds/search?q=harbour").body) == std::vector<std::string>{"Open Harbour"});
}

TEST_CASE("what waits for review is not in the catalog") {
  world w;
  made_book waiting = w.add({.title = "Not yet", .status = "inbox"});
  auto http = w.as(w.owner);
  CHECK(http->get("/opds/books/" + waiting.id.text()).status == 404);
  CHECK(titles_of(http->get("/opds/new").body).empty());
  CHECK(titles_of(http->get("/opds/new?order=title").body).empty());
  CHECK(titles_of(http->get("/opds/search?q=yet").body).empty());
}

TEST_CASE("shelves not offered in OPDS and private shelves of others are 404") {
  world w;
  made_book b = w.add({.title = "Shelved"});
  sign_in other = w.add_reader("other");
  uuid closed{}, own{};
  w.change([&](db::tx& tx) {
    closed = library::create_shelf(tx, w.owner.user, "Closed", true)->id;
    own = library::create_shelf(tx, w.owner.user, "Mine", true)->id;
    library::add_to_shelf(tx, w.owner.user, own, {b.id});
    library::shelf_change off;
    off.opds = false;
    REQUIRE(library::change_shelf(tx, w.owner.user, closed, off));
  });
  CHECK(w.as(w.owner)->get("/opds/shelves/" + closed.text()).status == 404);
  CHECK(w.as(w.owner)->get("/opds/shelves/" + own.text()).status == 200);
  CHECK(w.as(other)->get("/opds/shelves/" + own.text()).status == 404);
  CHECK(titles_of(w.as(w.owner)->get("/opds/shelves").body) == std::vector<std::string>{"Mine"});
}

TEST_CASE("the root's shelf link goes to the shelf of the calling device, else to the list") {
  world w;
  uuid shelf{};
  w.change([&](db::tx& tx) { shelf = library::create_shelf(tx, w.owner.user, "To read", true)->id; });
  auto http = w.as(w.owner);
  CHECK(link_of(parsed(http->get("/opds").body), "http://opds-spec.org/shelf") == w.base() + "/opds/shelves");
  w.change([&](db::tx& tx) { library::feed_device(tx, w.owner.device, shelf, true); });
  CHECK(link_of(parsed(http->get("/opds").body), "http://opds-spec.org/shelf") == w.base() + "/opds/shelves/" + shelf.text());
}
