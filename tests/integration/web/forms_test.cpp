#include <catch2/catch.hpp>

#include "library/device.hpp"
#include "library/shelf.hpp"
#include "tests/integration/web/world.hpp"

using namespace carrel;
using namespace carrel::web::tests;

namespace {

std::string between(const std::string& text, const std::string& before, const std::string& after) {
  std::size_t at = text.find(before);
  if (at == std::string::npos) return "";
  at += before.size();
  return text.substr(at, text.find(after, at) - at);
}

std::string location_path(const reply& r) { return r.header("Location").substr(0, r.header("Location").find('?')); }

}  // namespace

TEST_CASE("a form without the session's token is refused and nothing changes") {
  world w;
  made_book book = w.add_book("The Open Harbour");
  client c = w.as("owner");
  for (std::string token : {"", "wrong", "0"}) {
    for (std::string path :
         {book.path() + "/trash", book.path() + "/edit", std::string("/shelves"), std::string("/devices/add/koreader"),
          std::string("/people"), std::string("/account/keys"), std::string("/logout"), std::string("/theme")}) {
      INFO(path);
      CHECK(c.post(path, {{"csrf", token}, {"name", "x"}, {"theme", "dark"}, {"title", "x"}}).status == 403);
    }
  }
  client other = w.as("librarian");
  CHECK(c.post(book.path() + "/trash", {{"csrf", other.csrf}}).status == 403);
  CHECK(w.number("select count(*) from books where deleted_at is null") == 1);
  CHECK(w.number("select count(*) from shelves") == 0);
  CHECK(w.number("select count(*) from devices") == 0);
}

TEST_CASE("every page has the policy that keeps foreign script out, and names the catalog") {
  world w;
  client c = w.as("owner");
  for (std::string path : {"/", "/books", "/login", "/nowhere", "/devices/add/app", "/account"}) {
    reply r = path == "/login" ? w.anonymous().get(path) : c.get(path);
    INFO(path);
    CHECK(r.header("Content-Security-Policy") ==
          "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; "
          "base-uri 'none'; frame-ancestors 'none'");
    CHECK(r.header("X-Content-Type-Options") == "nosniff");
    CHECK(r.header("Link").find("<http://books.test/opds>; rel=\"alternate\"") == 0);
    CHECK(r.says("rel=\"alternate\" type=\"application/atom+xml;profile=opds-catalog;kind=navigation\""));
    CHECK(r.header("Cache-Control") == "private, no-store");
  }
}

TEST_CASE("what people type comes back as text, never as markup") {
  world w;
  client c = w.as("owner");
  std::string evil = "<script>alert(1)</script>\"'&amp;{{name}}{{{description}}}";
  reply made = c.post("/shelves", {{"name", evil}});
  REQUIRE(made.status == 303);
  reply page = c.get(location_path(made));
  CHECK_FALSE(page.says("<script>alert(1)"));
  CHECK(page.says("&lt;script&gt;alert(1)&lt;/script&gt;&quot;"));
  CHECK(page.says("{{name}}{{{description}}}"));
  CHECK_FALSE(c.get("/books?q=%3Cscript%3Ealert(1)%3C%2Fscript%3E&sort=%22%3E&view=%22%3E").says("<script>alert"));
  CHECK_FALSE(c.get("/?done=%3Cscript%3E&about=%3Cscript%3E").says("<script>\""));
  CHECK(w.anonymous().get("/login?next=/%22%3E%3Cscript%3E").says("value=\"/&quot;&gt;&lt;script&gt;\""));
}

TEST_CASE("hostile forms end in an answer with a reason, never in a failure of the server") {
  world w;
  made_book book = w.add_book("The Open Harbour");
  client c = w.as("owner");
  std::string long_text(100'000, 'x'), bad("\xff\xfe\x00", 3);
  std::vector<std::string> paths{book.path() + "/edit",
                                 "/shelves",
                                 "/devices/add/koreader",
                                 "/people",
                                 "/account/keys",
                                 "/account/appearance",
                                 "/account/positions",
                                 "/account/password",
                                 "/documents/link",
                                 "/documents/unlink",
                                 "/theme",
                                 book.path() + "/shelve"};
  for (const std::string& path : paths) {
    for (const std::string& value :
         {long_text, bad, std::string("\x01\x02\x7f"), std::string("' or 1=1 --"), std::string("-1"), std::string("%00")}) {
      INFO(path);
      reply r = c.post(path, {{"name", value},
                              {"title", value},
                              {"book", value},
                              {"document", value},
                              {"shelf", value},
                              {"theme", value},
                              {"language", value},
                              {"policy", value},
                              {"label", value},
                              {"scope", value},
                              {"role", value},
                              {"password", value},
                              {"page_count", value},
                              {"published", value},
                              {"identifiers", value},
                              {"series_index", value},
                              {"authors", value}});
      CHECK(r.status < 500);
      if (path != "/devices/add/koreader") CHECK(r.status != 200);  // some of these are good names
    }
  }
  for (const std::string& query :
       std::vector<std::string>{"after=x", "before=AAAA", "shelf=x&author=y&tag=z", "view=x", "sort=%00", "q=%FF",
                                "status=nonsense", "q=" + std::string(5000, 'a')}) {
    INFO(query);
    CHECK(c.get("/books?" + query).status < 500);
  }
  CHECK(c.get("/").status == 200);
}

TEST_CASE("a shelf is made, filled, shared, emptied and deleted, and each step can be taken back") {
  world w;
  made_book book = w.add_book("The Open Harbour");
  client c = w.as("reader");
  CHECK(c.post("/shelves", {{"name", "  "}}).says("1 to 255 characters"));
  std::string shelf = location_path(c.post("/shelves", {{"name", "To read"}}));
  CHECK(c.post("/shelves", {{"name", "to READ"}}).says("of that name already"));

  reply added = c.post(book.path() + "/shelve", {{"shelf", shelf.substr(7)}});
  reply shown = c.get(added.header("Location").substr(0, added.header("Location").find('#')));
  CHECK(shown.says("The book is on the shelf."));
  CHECK(shown.says("action=\"" + shelf + "/remove\""));
  CHECK(c.get(shelf).says("The Open Harbour"));
  CHECK(c.post(shelf + "/remove", {{"book", book.id.text()}}).header("Location").find("done=shelf.removed") != std::string::npos);
  CHECK_FALSE(c.get(shelf).says("The Open Harbour"));

  CHECK(c.post(shelf, {{"name", "Evenings"}, {"shared", "on"}}).status == 303);
  CHECK(w.as("other").get("/shelves").says("Evenings"));
  CHECK(c.post(shelf + "/delete", {{"confirm", "evening"}}).says("The name does not match"));
  CHECK(c.post(shelf + "/delete", {{"confirm", "Evenings"}}).status == 303);
  CHECK(c.get(shelf).status == 404);
}

TEST_CASE("a KOReader is added with its password shown once, then rotated, then removed by its name") {
  world w;
  client c = w.as("reader");
  CHECK(c.post("/devices/add/koreader", {{"name", ""}}).status == 422);
  reply made = c.post("/devices/add/koreader", {{"name", "Tablet"}});
  REQUIRE(made.status == 200);
  std::string password = between(made.body, "id=\"value-password\" aria-labelledby=\"value-password-label\">", "<");
  CHECK(password.size() == 19);
  CHECK(made.says("http://books.test/kosync<"));
  CHECK(made.says("http://books.test/opds<"));
  CHECK(made.says("<path d=\"M"));
  CHECK(made.says("Choose Login, not Register"));
  CHECK(made.says("Binary"));
  CHECK(c.post("/devices/add/koreader", {{"name", "tablet"}}).says("of that name already"));

  std::string device = "/devices/" + between(made.body, "hx-get=\"/devices/", "\"");
  CHECK_FALSE(c.get(device).says(password));
  CHECK_FALSE(c.get("/devices").says(password));
  w.write([&](db::tx& tx) {
    library::note_requests(tx, {{*uuid::parse(device.substr(9)), {{now(), "kosync", "GET /users/auth", "", 401}}}});
  });
  CHECK(c.get(device).says("wrong name or password (401)"));

  CHECK(c.get(device).says("Nothing waits for this device."));
  w.add_book("Late");
  CHECK(c.get(device).says("Mark all as seen"));
  CHECK(c.post(device + "/seen").status == 303);
  CHECK(c.get(device).says("Nothing waits for this device."));
  CHECK(c.post(device + "/unseen").status == 303);
  CHECK(c.get(device).says("Mark all as seen"));

  reply rotated = c.post(device + "/rotate");
  CHECK(rotated.status == 200);
  CHECK_FALSE(rotated.says(password));
  CHECK(c.post(device + "/revoke", {{"confirm", "x"}}).status == 422);
  CHECK(c.post(device + "/revoke", {{"confirm", "Tablet"}}).status == 303);
  CHECK(c.get(device).status == 404);
}

TEST_CASE("people are added, given a role and switched off, and the last owner stays") {
  world w;
  client c = w.as("owner");
  CHECK(c.post("/people", {{"name", "Reader"}, {"role", "reader"}, {"password", "long enough words"}})
            .says("of that name already"));
  CHECK(c.post("/people", {{"name", "Nina"}, {"role", "king"}, {"password", "long enough words"}}).status == 422);
  CHECK(c.post("/people", {{"name", "Nina"}, {"role", "reader"}, {"password", "long enough words"}}).status == 303);
  CHECK(c.post("/people/" + w.owner.text() + "/role", {{"role", "reader"}}).says("last owner"));
  CHECK(c.post("/people/" + w.owner.text() + "/disable").says("last owner"));
  reply changed = c.post("/people/" + w.other.text() + "/role", {{"role", "librarian"}});
  CHECK(changed.header("Location").find("done=person.role") != std::string::npos);
  CHECK(changed.header("Location").find("other=reader") != std::string::npos);
  CHECK(w.as("other").get("/review").status == 200);
}

TEST_CASE("theme and language follow the account") {
  world w;
  client c = w.as("reader");
  CHECK(c.get("/").says("data-theme=\"system\""));
  CHECK(c.get("/", {{"User-Agent", "Mozilla/5.0 (Linux; U; Kobo Touch)"}}).says("data-theme=\"eink\""));
  CHECK(c.post("/theme", {{"theme", "dark"}, {"back", "/books?q=a"}}).header("Location") == "/books?q=a");
  CHECK(c.post("/theme", {{"theme", "dark"}, {"back", "//evil.test"}}).header("Location") == "/");
  CHECK(c.post("/theme", {{"theme", "pink"}}).status == 422);
  CHECK(w.as("reader").get("/").says("data-theme=\"dark\""));
  CHECK(c.get("/", {{"Accept-Language", "en-XA"}}).says("<html lang=\"en-XA\""));
  CHECK(c.get("/", {{"Accept-Language", "en-XA"}}).says("[Shélvés]"));
  CHECK(c.post("/account/appearance", {{"theme", "light"}, {"language", "en"}}).status == 303);
  CHECK(c.get("/", {{"Accept-Language", "en-XA"}}).says("<html lang=\"en\""));
}

TEST_CASE("a theme chosen at the sign-in page stays for an account that has chosen none, and for its error pages") {
  world w;
  client c = w.anonymous();
  CHECK(c.post("/theme", {{"theme", "eink"}, {"back", "/login"}}).status == 303);
  CHECK(c.post("/login", {{"name", "reader"}, {"password", world::password}}).status == 303);
  CHECK(c.get("/").says("data-theme=\"eink\""));
  client d = w.as("other");
  d.post("/account/appearance", {{"theme", "dark"}, {"language", "de"}});
  reply none = d.get("/books/nonsense");
  CHECK(none.says("data-theme=\"dark\""));
  CHECK(none.says("<html lang=\"de\""));
}

TEST_CASE("what a page refuses is said in the reader's language") {
  world w;
  client c = w.as("reader");
  c.always = {{"Accept-Language", "de"}};
  CHECK(c.post("/theme", {{"theme", "pink"}}).says("Diese Wahl gibt es nicht."));
  CHECK(c.get("/books?after=zzz").says("Diesen Teil der Liste gibt es nicht mehr."));
  client l = w.as("librarian");
  l.always = c.always;
  CHECK(l.post("/upload").says("Das Gesendete ist kein Formular"));
}

TEST_CASE("below a path, every address and every redirect begins with it") {
  world w(true, "/lib");
  client c = w.anonymous();
  CHECK(c.get("/books?q=a").header("Location") == "/lib/login?next=%2Fbooks%3Fq%3Da");
  CHECK(c.get("/books", {{"HX-Request", "true"}}).header("HX-Redirect") == "/lib/login?next=%2Fbooks");
  CHECK(c.post("/login", {{"name", "reader"}, {"password", world::password}, {"next", "/books"}}).header("Location") ==
        "/lib/books");
  CHECK(c.get("/").says("href=\"/lib/books\""));
  CHECK(c.get("/api/v1/openapi.json").says("\"/lib/api/v1\""));

  world plain;
  client d = plain.anonymous();
  d.always = {{"X-Forwarded-Prefix", "/shelf/"}};
  CHECK(d.get("/books").header("Location") == "/shelf/login?next=%2Fbooks");
  CHECK(d.post("/login", {{"name", "reader"}, {"password", world::password}}).header("Location") == "/shelf/");
  CHECK(d.get("/").says("href=\"/shelf/books\""));
  CHECK_FALSE(d.get("/").says("href=\"/books\""));
  CHECK(d.get("/api/v1/openapi.json").says("\"/shelf/api/v1\""));
}
