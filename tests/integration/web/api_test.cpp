#include <catch2/catch.hpp>

#include <set>

#include "library/shelf.hpp"
#include "server/auth/api_key.hpp"
#include "server/core/digest.hpp"
#include "server/core/text.hpp"
#include "tests/harness/eventually.hpp"
#include "tests/integration/web/world.hpp"

using namespace carrel;
using namespace carrel::web::tests;

namespace {

std::string error_code(const reply& r) {
  json::object whole = r.json();
  const json::value* inner = whole.find("error");
  std::string code, message, id;
  if (!inner || !inner->as_object()) return "";
  inner->as_object()->take("code", code);
  CHECK(inner->as_object()->take("message", message));
  CHECK(inner->as_object()->take("id", id));
  return code;
}

std::string make_key(world& w, const uuid& user, const std::string& scope) {
  return w.write([&](db::tx& tx) { return auth::create_key(tx, user, "test", scope).value().key; });
}

}  // namespace

TEST_CASE("openapi.json describes exactly the routes there are") {
  world w(false);
  std::set<std::string> routes, described;
  for (const auto& [verb, pattern] : w.router().routes()) {
    if (pattern.starts_with("/api/v1")) routes.insert(lower_ascii(http::name_of(verb)) + " " + pattern.substr(7));
  }
  json::object doc = w.anonymous().get("/api/v1/openapi.json").json();
  for (const auto& [path, operations] : doc.find("paths")->as_object()->members()) {
    for (const auto& [name, operation] : operations.as_object()->members()) {
      if (name != "parameters") described.insert(name + " " + path);
    }
  }
  CHECK(routes == described);
  CHECK(routes.size() > 30);
}

TEST_CASE("a session starts with name and password, needs its token for changes, and ends") {
  world w;
  made_book book = w.add_book("The Open Harbour");
  client c = w.anonymous();
  CHECK(error_code(c.api("GET", "/books")) == "unauthorized");
  CHECK(c.api("POST", "/session", R"({"name":"reader","password":"wrong"})").status == 401);
  CHECK(c.api("POST", "/session", R"({"name":"reader"})").status == 422);
  CHECK(c.api("POST", "/session", "[1]").status == 400);
  c = w.as("reader");
  CHECK(c.api("GET", "/books").status == 200);
  std::string token = c.csrf;
  for (std::string wrong : {"", "wrong"}) {
    c.csrf = wrong;
    reply r = c.api("POST", "/shelves", R"({"name":"To read"})");
    CHECK(r.status == 403);
    CHECK(error_code(r) == "csrf");
  }
  c.csrf = token;
  CHECK(c.api("POST", "/shelves", R"({"name":"To read"})").status == 201);
  CHECK(c.api("DELETE", "/session").status == 204);
  CHECK(c.api("GET", "/books").status == 401);
}

TEST_CASE("a key has the rights of its scope and at most those of its account") {
  world w;
  made_book book = w.add_book("The Open Harbour");
  auto with = [&](const std::string& key) {
    client c = w.anonymous();
    c.always = {{"Authorization", "Bearer " + key}};
    return c;
  };
  client reads = with(make_key(w, w.owner, "read")), writes = with(make_key(w, w.owner, "write")),
         small = with(make_key(w, w.reader, "admin"));
  CHECK(reads.api("GET", "/books").status == 200);
  CHECK(reads.api("PATCH", book.path(), R"({"title":"x"})").status == 403);
  CHECK(writes.api("PATCH", book.path(), R"({"title":"The Closed Harbour"})").status == 200);
  CHECK(small.api("PATCH", book.path(), R"({"title":"x"})").status == 404);
  CHECK(with("crl_wrong").api("GET", "/books").status == 401);
  CHECK(reads.get("/books").status == 303);  // a key opens no page
}

TEST_CASE("a book is edited over the API, with its wrong fields named") {
  world w;
  made_book book = w.add_book("The Open Harbour");
  client c = w.as("librarian");
  reply r =
      c.api("PATCH", book.path(),
            R"({"title":"The Closed Harbour","authors":["Owen Reed"],"series":{"name":"Fog","index":1.5},"tags":["a","b"]})");
  REQUIRE(r.status == 200);
  CHECK(r.text("title") == "The Closed Harbour");
  CHECK(r.says(R"("series": {"name")") != r.says(R"("series":{"name":"Fog","index":1.5})"));
  for (std::string body :
       {R"({"title":""})", R"({"title":5})", R"({"published":"yesterday"})", R"({"nonsense":1})", R"({"authors":"x"})",
        R"({"authors":[""]})", R"({"authors":["Owen Reed"," "]})", R"({"tags":[""]})", R"({"series":{"index":1}})",
        R"({"series":{"name":"","index":1}})", R"({"series":{"name":null}})", R"({"series":{"name":"Fog","part":1}})"}) {
    INFO(body);
    CHECK(c.api("PATCH", book.path(), body).status == 422);
  }
  for (std::string body : {"", "{", "[]", "null", "\"x\"", "{\"title\":\"\xff\"}"})
    CHECK(c.api("PATCH", book.path(), body).status == 400);
  CHECK(c.api("DELETE", book.path()).status == 204);
  CHECK(c.api("DELETE", book.path()).status == 404);
  CHECK(c.api("GET", book.path()).status == 404);
}

TEST_CASE("a file is sent whole, in ranges, conditionally and as a head, and its download is remembered") {
  world w;
  made_book book = w.add_book("The Open Harbour");
  client c = w.as("reader");
  std::string path = "/api/v1" + book.path() + "/files/" + book.file.text();
  reply whole = c.get(path);
  REQUIRE(whole.status == 200);
  CHECK(whole.body == "bytes of " + book.file.text());
  CHECK(whole.header("Content-Type") == "application/epub+zip");
  CHECK(whole.header("Content-Disposition").find("attachment") == 0);
  CHECK(whole.header("ETag") == "\"" + sha256_hex(whole.body) + "\"");
  reply part = c.get(path, {{"Range", "bytes=2-4"}});
  CHECK(part.status == 206);
  CHECK(part.body == whole.body.substr(2, 3));
  CHECK(c.get(path, {{"Range", "bytes=9999-"}}).status == 416);
  CHECK(c.get(path, {{"If-None-Match", whole.header("ETag")}}).status == 304);
  CHECK(c.send("HEAD", path).body.empty());
  CHECK(c.get("/api/v1/books/" + uuid::make().text() + "/files/" + book.file.text()).status == 404);
  CHECK(harness::eventually([&] { return w.number("select count(*) from downloads") == 1; }));
}

TEST_CASE("a cover is asked for by any width, answered by the sizes there are") {
  world w;
  made_book book = w.add_book("The Open Harbour");
  client c = w.as("reader");
  // Without a picture only what is wrong in the question tells itself apart.
  for (const char* width : {"", "?width=1", "?width=600", "?width=99999", "?width=2147483648"})
    CHECK(c.api("GET", book.path() + "/cover" + width).status == 404);
  for (const char* width : {"?width=0", "?width=-5", "?width=wide", "?width="})
    CHECK(c.api("GET", book.path() + "/cover" + width).status == 400);
}

TEST_CASE("shelves over the API") {
  world w;
  made_book book = w.add_book("The Open Harbour"), adult = w.add_book("Hidden", "organized", {"Adult"});
  client c = w.as("reader");
  reply made = c.api("POST", "/shelves", R"({"name":"To read","collection":false})");
  REQUIRE(made.status == 201);
  std::string shelf = "/shelves/" + made.text("id");
  CHECK(c.api("POST", "/shelves", R"({"name":"TO READ"})").status == 409);
  CHECK(c.api("POST", "/shelves", R"({"name":""})").status == 422);
  CHECK(c.api("POST", "/shelves", R"({"name":"x","collection":"yes"})").status == 422);
  CHECK(c.api("PUT", shelf + "/books/" + book.id.text()).status == 204);
  CHECK(c.api("PUT", shelf + "/books/" + book.id.text()).status == 204);
  CHECK(c.api("GET", shelf).says("\"books\":[\"" + book.id.text() + "\"]"));
  CHECK(c.api("GET", "/books?shelf=" + made.text("id")).says("The Open Harbour"));
  CHECK(c.api("PUT", shelf + "/books/" + uuid::make().text()).status == 404);
  CHECK(c.api("DELETE", shelf + "/books/" + book.id.text()).status == 204);
  for (std::string body :
       {R"({"nmae":"Evenings"})", R"({"name":"Evenings","books":[]})", R"({"name":null})", R"({"shared":1})"}) {
    INFO(body);
    reply refused = c.api("PATCH", shelf, body);
    CHECK(refused.status == 422);
    CHECK(refused.says("\"code\":\"invalid\""));
  }
  CHECK(c.api("GET", shelf).says("\"name\":\"To read\""));
  CHECK(c.api("PATCH", shelf, R"({"name":"Evenings","shared":true})").status == 204);
  CHECK(w.as("other").api("GET", "/shelves").says("Evenings"));
  CHECK(c.api("DELETE", shelf).status == 204);
  CHECK(c.api("GET", shelf).status == 404);
}

TEST_CASE("a device over the API: its secret is in the answer that makes it and nowhere else") {
  world w;
  client c = w.as("reader");
  uuid shelf = w.write([&](db::tx& tx) { return library::create_shelf(tx, w.reader, "To read", true).value().id; });
  reply made = c.api("POST", "/devices", R"({"name":"Tablet","kind":"koreader","shelves":[")" + shelf.text() + "\"]}");
  REQUIRE(made.status == 201);
  std::string device = "/devices/" + made.text("id"), password = made.text("password");
  CHECK(password.size() == 19);
  CHECK(made.text("username") == "reader");
  CHECK(made.says(R"("kosync":"http://books.test/kosync")"));
  CHECK(made.says(shelf.text()));
  CHECK_FALSE(c.api("GET", device).says(password));
  CHECK(c.api("POST", "/devices", R"({"name":"Tablet","kind":"koreader"})").status == 409);
  CHECK(c.api("POST", "/devices", R"({"name":"Toaster","kind":"toaster"})").status == 422);
  CHECK(c.api("POST", "/devices", R"({"name":"Phone","kind":"app","shelves":[")" + uuid::make().text() + "\"]}").status == 404);
  CHECK(w.number("select count(*) from devices") == 1);
  CHECK(c.api("DELETE", device + "/shelves/" + shelf.text()).status == 204);
  CHECK(c.api("PUT", device + "/shelves/" + shelf.text()).status == 204);
  reply rotated = c.api("POST", device + "/rotate", R"({"grace":3600})");
  CHECK(rotated.text("password") != password);
  CHECK(c.api("POST", device + "/rotate", R"({"grace":-1})").status == 422);
  CHECK(c.api("DELETE", device).status == 204);
  CHECK(c.api("DELETE", device).status == 404);
}
