// Every page and every API address for everybody: what is not theirs is "not found" (contract.md 5.2).

#include <catch2/catch.hpp>

#include "library/device.hpp"
#include "library/shelf.hpp"
#include "tests/integration/web/world.hpp"

using namespace carrel;
using namespace carrel::web::tests;

namespace {

struct stage {
  world w;
  made_book open = w.add_book("The Open Harbour");
  made_book adult = w.add_book("The Hidden Harbour", "organized", {"Adult"});
  made_book waiting = w.add_book("The Waiting Harbour", "inbox");
  made_book gone = w.add_book("The Lost Harbour");
  uuid shelf, shared, device;

  stage() {
    w.write([&](db::tx& tx) {
      shelf = library::create_shelf(tx, w.reader, "Mine", true).value().id;
      shared = library::create_shelf(tx, w.reader, "Ours", true).value().id;
      library::shelf_change all;
      all.shared = true;
      library::change_shelf(tx, w.reader, shared, all).value();
      library::add_to_shelf(tx, w.reader, shared, {open.id, adult.id});
      device = library::add_device(tx, w.reader, "Tablet", "koreader").value().made.id;
      library::trash_books(tx, {gone.id}, {w.owner, "owner"});
    });
  }
};

struct row {
  std::string path;
  int anonymous, limited, reader, other, librarian, owner;
};

void check(stage& s, const std::vector<row>& rows) {
  const std::vector<std::pair<std::string, int row::*>> people{{"anonymous", &row::anonymous}, {"limited", &row::limited},
                                                               {"reader", &row::reader},       {"other", &row::other},
                                                               {"librarian", &row::librarian}, {"owner", &row::owner}};
  for (const auto& [name, expected] : people) {
    client c = s.w.as(name);
    for (const row& r : rows) {
      INFO(name << " asks for " << r.path);
      CHECK(c.get(r.path).status == r.*expected);
    }
  }
}

}  // namespace

TEST_CASE("pages show each account what is theirs and nothing else") {
  stage s;
  std::string shelf = "/shelf/" + s.shelf.text(), shared = "/shelf/" + s.shared.text(), device = "/devices/" + s.device.text();
  std::string nothing = uuid::make().text();
  check(s, {
               {"/", 303, 200, 200, 200, 200, 200},
               {"/login", 200, 303, 303, 303, 303, 303},
               {"/setup", 404, 404, 404, 404, 404, 404},
               {"/welcome", 303, 404, 404, 404, 404, 200},
               {"/books", 303, 200, 200, 200, 200, 200},
               {"/authors", 303, 200, 200, 200, 200, 200},
               {"/series", 303, 200, 200, 200, 200, 200},
               {s.open.path(), 303, 200, 200, 200, 200, 200},
               {s.adult.path(), 303, 404, 200, 200, 200, 200},
               {s.waiting.path(), 303, 404, 404, 404, 200, 200},
               {s.gone.path(), 303, 404, 404, 404, 404, 404},
               {s.open.path() + "/edit", 303, 404, 404, 404, 200, 200},
               {"/books/" + nothing, 303, 404, 404, 404, 404, 404},
               {"/books/nonsense", 303, 404, 404, 404, 404, 404},
               {"/review", 303, 404, 404, 404, 200, 200},
               {"/trash", 303, 404, 404, 404, 200, 200},
               {"/attic", 303, 404, 404, 404, 200, 200},
               {"/quarantine", 303, 404, 404, 404, 200, 200},
               {"/bulk/import", 303, 404, 404, 404, 200, 200},
               {"/bulk", 303, 404, 200, 200, 200, 200},
               {"/bulk/" + nothing, 303, 404, 404, 404, 404, 404},
               {"/books.csv", 303, 200, 200, 200, 200, 200},
               {"/upload", 303, 404, 404, 404, 200, 200},
               {"/shelves", 303, 200, 200, 200, 200, 200},
               {"/shelf", 303, 200, 200, 200, 200, 200},
               {shelf, 303, 404, 200, 404, 404, 404},
               {shared, 303, 200, 200, 200, 200, 200},
               {"/devices", 303, 200, 200, 200, 200, 200},
               {device, 303, 404, 200, 404, 404, 404},
               {"/devices/add/koreader", 303, 200, 200, 200, 200, 200},
               {"/devices/add/app", 303, 200, 200, 200, 200, 200},
               {"/devices/add/kobo", 303, 200, 200, 200, 200, 200},
               {"/errata", 303, 200, 200, 200, 200, 200},
               {"/duplicates", 303, 404, 404, 404, 200, 200},
               {"/duplicates/" + s.open.id.text() + "/" + s.adult.id.text(), 303, 404, 404, 404, 200, 200},
               {"/duplicates/" + s.open.id.text() + "/" + s.gone.id.text(), 303, 404, 404, 404, 404, 404},
               {"/merges", 303, 404, 404, 404, 200, 200},
               {"/jobs", 303, 404, 404, 404, 200, 200},
               {"/admin/sources", 303, 404, 404, 404, 200, 200},
               {"/libraries", 303, 404, 404, 404, 200, 200},
               {"/libraries/00000000-0000-7000-8000-000000000001", 303, 404, 404, 404, 200, 200},
               {"/libraries/" + nothing, 303, 404, 404, 404, 404, 404},
               {"/account", 303, 200, 200, 200, 200, 200},
               {"/people", 303, 404, 404, 404, 404, 200},
               {"/nowhere", 404, 404, 404, 404, 404, 404},
           });
}

TEST_CASE("the API shows each account what is theirs and nothing else") {
  stage s;
  std::string v = "/api/v1", book = v + s.open.path(), adult = v + s.adult.path(), shelf = v + "/shelves/" + s.shelf.text();
  std::string file = "/files/" + s.open.file.text();
  check(s, {
               {v + "/openapi.json", 200, 200, 200, 200, 200, 200},
               {v + "/books", 401, 200, 200, 200, 200, 200},
               {book, 401, 200, 200, 200, 200, 200},
               {adult, 401, 404, 200, 200, 200, 200},
               {v + s.waiting.path(), 401, 404, 404, 404, 200, 200},
               {v + s.gone.path(), 401, 404, 404, 404, 404, 404},
               {book + file, 401, 404, 200, 200, 200, 200},
               {adult + file, 401, 404, 404, 404, 404, 404},
               {book + "/cover", 401, 404, 404, 404, 404, 404},
               {book + "/positions", 401, 200, 200, 200, 200, 200},
               {adult + "/positions", 401, 404, 200, 200, 200, 200},
               {book + "/candidates", 401, 404, 404, 404, 200, 200},
               {adult + "/candidates", 401, 404, 404, 404, 200, 200},
               {v + "/shelves", 401, 200, 200, 200, 200, 200},
               {shelf, 401, 404, 200, 404, 404, 404},
               {v + "/shelves/" + s.shared.text(), 401, 200, 200, 200, 200, 200},
               {v + "/devices", 401, 200, 200, 200, 200, 200},
               {v + "/devices/" + s.device.text(), 401, 404, 200, 404, 404, 404},
               {v + "/documents/unknown", 401, 200, 200, 200, 200, 200},
               {v + "/errata", 401, 200, 200, 200, 200, 200},
               {v + "/libraries", 401, 404, 404, 404, 200, 200},
               {v + "/jobs", 401, 200, 200, 200, 200, 200},
               {v + "/jobs/" + uuid::make().text(), 401, 404, 404, 404, 404, 404},
               {v + "/bulk", 401, 404, 200, 200, 200, 200},
               {v + "/bulk/" + uuid::make().text(), 401, 404, 404, 404, 404, 404},
               {v + "/nowhere", 404, 404, 404, 404, 404, 404},
           });
}

TEST_CASE("nobody changes what is not theirs, on pages and over the API") {
  stage s;
  std::string shelf = "/shelf/" + s.shelf.text(), device = "/devices/" + s.device.text(), book = s.open.path();
  for (std::string name : {"limited", "other", "librarian", "owner"}) {
    client c = s.w.as(name);
    INFO(name);
    CHECK(c.post(shelf, {{"name", "Taken"}}).status == 404);
    CHECK(c.post(shelf + "/delete", {{"confirm", "Mine"}}).status == 404);
    CHECK(c.post(shelf + "/add", {{"book", s.open.id.text()}}).status == 404);
    CHECK(c.post(shelf + "/devices", {}).status == 404);
    CHECK(c.post(device + "/rotate").status == 404);
    CHECK(c.post(device + "/seen").status == 404);
    CHECK(c.post(device + "/revoke", {{"confirm", "Tablet"}}).status == 404);
    CHECK(c.api("PATCH", "/shelves/" + s.shelf.text(), R"({"name":"Taken"})").status == 404);
    CHECK(c.api("DELETE", "/shelves/" + s.shelf.text()).status == 404);
    CHECK(c.api("PUT", "/shelves/" + s.shared.text() + "/books/" + s.open.id.text()).status == 404);
    CHECK(c.api("POST", "/devices/" + s.device.text() + "/rotate").status == 404);
    CHECK(c.api("DELETE", "/devices/" + s.device.text()).status == 404);
  }
  for (std::string name : {"limited", "reader"}) {
    client c = s.w.as(name);
    INFO(name);
    for (std::string act : {"/edit", "/trash", "/approve", "/undo-edit"})
      CHECK(c.post(book + act, {{"title", "Taken"}}).status == 404);
    CHECK(c.post(s.gone.path() + "/untrash").status == 404);
    CHECK(c.api("PATCH", book, R"({"title":"Taken"})").status == 404);
    CHECK(c.api("DELETE", book).status == 404);
    CHECK(c.post("/people", {{"name", "x"}, {"role", "owner"}, {"password", "long enough words"}}).status == 404);
    CHECK(c.post("/people/" + s.w.other.text() + "/disable").status == 404);
  }
  CHECK(s.w.as("librarian").post("/people/" + s.w.other.text() + "/role", {{"role", "owner"}}).status == 404);
  CHECK(s.w.as("reader").api("GET", "/books").says("The Hidden Harbour"));
  CHECK_FALSE(s.w.as("limited").api("GET", "/books").says("The Hidden Harbour"));
}

TEST_CASE("names and counts that come from hidden books are hidden too") {
  stage s;
  client child = s.w.as("limited");
  std::string shared = "/shelf/" + s.shared.text();
  CHECK(child.get(shared).says("The Open Harbour"));
  CHECK_FALSE(child.get(shared).says("The Hidden Harbour"));
  CHECK(child.get(shared).says("1 book"));
  CHECK_FALSE(child.get("/books?q=Hidden").says("The Hidden Harbour"));
  CHECK_FALSE(child.get("/").says("The Hidden Harbour"));
}
