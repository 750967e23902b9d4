// The page of the metadata sources, and the API that asks them (metadata-providers.md 12).
#include <catch2/catch.hpp>

#include "library/source_queue.hpp"
#include "server/jobs/queue.hpp"
#include "tests/integration/web/world.hpp"

using namespace carrel;
using namespace carrel::web::tests;

namespace {

const char* page = "/admin/sources";

void enable(client& c) { REQUIRE(c.post(page, {{"enabled", "on"}}).status == 303); }

}  // namespace

TEST_CASE("nobody is asked until the owner says so, and the page says which way it is") {
  world w;
  made_book book = w.add_book("The Open Harbour");
  client c = w.as("owner");
  CHECK(c.get(page).says("Carrel asks nobody"));
  CHECK(c.api("POST", "/books/" + book.id.text() + "/metadata").status == 409);
  CHECK(w.number("select count(*) from metadata_jobs") == 0);
  enable(c);
  CHECK(c.get(page).says("Carrel asks the sources below"));
  CHECK(c.post(page, {{"enabled", "off"}}).status == 303);
  CHECK(c.get(page).says("Carrel asks nobody"));
  CHECK(w.number("select count(*) from audit where action = 'settings.change'") == 2);
}

TEST_CASE("a source is switched, moved and given a key that nobody sees again") {
  world w;
  client c = w.as("owner");
  enable(c);
  CHECK(c.get(page).says("needs a key"));
  const std::string key = "AIzaSy-0123456789-secret-WXYZ";
  CHECK(c.post("/admin/sources/google_books/key", {{"key", "short"}}).status == 422);
  CHECK(c.post("/admin/sources/google_books/key", {{"key", " \"" + key + "\"\n"}}).status == 303);
  reply after = c.get(page);
  CHECK_FALSE(after.says("needs a key to"));
  CHECK(after.says("…WXYZ"));
  CHECK_FALSE(after.says("secret"));
  CHECK(w.number("select count(*) from external_accounts where secret_cipher is not null and position('secret' in "
                 "external_accounts::text) = 0") == 1);
  CHECK(w.number("select count(*) from audit where audit::text like '%secret%'") == 0);

  CHECK(c.post("/admin/sources/switch", {{"on", "hardcover"}}).status == 303);
  CHECK(w.number("select (value = '[\"open_library\",\"google_books\",\"hardcover\"]')::int from settings where key = "
                 "'metadata.sources'") == 1);
  CHECK(c.post("/admin/sources/google_books/up").status == 303);
  CHECK(c.post("/admin/sources/switch", {{"off", "open_library"}}).status == 303);
  CHECK(w.number("select (value = '[\"google_books\",\"hardcover\"]')::int from settings where key = 'metadata.sources'") == 1);
  CHECK(c.post("/admin/sources/google_books/key/drop").status == 303);
  CHECK(w.number("select count(secret_cipher) from external_accounts") == 0);
  for (const char* path : {"/admin/sources/nonsense/key", "/admin/sources/nonsense/test", "/admin/sources/open_library/drop"})
    CHECK(c.post(path, {{"key", key}}).status == 404);
  CHECK(c.post("/admin/sources/switch", {{"on", "nonsense"}}).status == 404);
}

TEST_CASE("a server of one's own is added and removed") {
  world w;
  client c = w.as("owner");
  CHECK(c.post("/admin/sources/add", {{"name", "mine"}, {"url", "javascript:alert(1)"}}).status == 422);
  CHECK(c.post("/admin/sources/add", {{"name", "<b>"}, {"url", "http://x.example"}}).status == 422);
  CHECK(c.post("/admin/sources/add", {{"name", "Mine"}, {"url", "http://192.168.1.5:8000/api"}}).status == 303);
  CHECK(c.get(page).says("http://192.168.1.5:8000/api"));
  CHECK(c.post("/admin/sources/switch", {{"on", "custom:mine"}}).status == 303);
  CHECK(c.post("/admin/sources/custom%3Amine/key", {{"key", "Bearer of my own"}}).status == 303);
  CHECK(c.post("/admin/sources/custom%3Amine/drop").status == 303);
  CHECK_FALSE(c.get(page).says("192.168.1.5"));
  CHECK(w.number("select count(secret_cipher) from external_accounts") == 0);
}

TEST_CASE("a test is wanted, and books that lack something are asked for with an estimate") {
  world w;
  w.add_book("The Open Harbour");
  w.add_book("The Loud Harbour");
  client c = w.as("librarian");
  enable(c);
  CHECK(c.post("/admin/sources/open_library/test").status == 303);
  CHECK(w.number("select count(*) from metadata_sources where test_wanted_at is not null") == 1);
  CHECK(c.get(page).says("It is being asked."));
  CHECK(c.get(page).says("2 books lack"));
  CHECK(c.post("/admin/sources/fetch").status == 303);
  CHECK(w.number("select count(*) from metadata_jobs where priority = 2") == 2);
  CHECK(c.get(page).says("2 books wait, about"));
  CHECK(c.get("/jobs").says("Ask the sources for many books"));
  CHECK(c.post("/admin/sources/pause", {{"pause", "1"}}).status == 303);
  CHECK(c.get(page).says("Asking is paused."));
  CHECK(c.post("/admin/sources/pause", {{"resume", "1"}}).status == 303);
  CHECK_FALSE(c.get(page).says("Asking is paused."));
}

TEST_CASE("what is set in the configuration is shown as fixed and stays") {
  world w;
  client c = w.as("owner");
  enable(c);
  CHECK(c.post(page, {{"contact", "(me)"}}).status == 422);
  CHECK(c.post(page, {{"contact", "mail@books.example"}}).status == 303);
  CHECK(c.get(page).says("mail@books.example"));
}

TEST_CASE("sources are the business of those who may run jobs") {
  world w;
  made_book book = w.add_book("The Open Harbour");
  for (const char* name : {"reader", "limited", "other"}) {
    client c = w.as(name);
    INFO(name);
    for (const char* path : {"/admin/sources", "/admin/sources/switch", "/admin/sources/add", "/admin/sources/fetch",
                             "/admin/sources/pause", "/admin/sources/open_library/test", "/admin/sources/google_books/key"})
      CHECK(c.post(path, {{"enabled", "on"},
                          {"on", "hardcover"},
                          {"key", "0123456789abcdefgh"},
                          {"name", "x"},
                          {"url", "http://x.example"}})
                .status == 404);
    CHECK(c.api("POST", "/books/" + book.id.text() + "/metadata").status == 404);
    CHECK(c.api("GET", "/books/" + book.id.text() + "/candidates").status == 404);
  }
  CHECK(w.number("select count(*) from settings where key like 'metadata%'") == 0);
}

TEST_CASE("over the API a book is asked for once, and its candidates are listed") {
  world w;
  made_book book = w.add_book("The Open Harbour");
  client c = w.as("librarian");
  enable(c);
  reply first = c.api("POST", "/books/" + book.id.text() + "/metadata"),
        second = c.api("POST", "/books/" + book.id.text() + "/metadata");
  CHECK(first.status == 202);
  std::string kind, id, again;
  first.json().take("kind", kind);
  first.json().take("id", id);
  second.json().take("id", again);
  CHECK(kind == "metadata.fetch");
  CHECK(id == again);
  CHECK(c.api("GET", "/jobs/" + id).status == 200);
  CHECK(w.number("select count(*) from metadata_jobs") == 1);
  CHECK(c.api("POST", "/books/" + uuid::make().text() + "/metadata").status == 404);

  w.write([&](db::tx& tx) {
    tx.script(
        "insert into book_metadata_candidates (id, book_id, source, source_key, query_kind, confidence, normalized) select "
        "gen_random_uuid(), id, 'open_library', 'k' || n, 'isbn', n / 10.0, '{\"title\":\"T\"}' from books, generate_series(1, "
        "3) n");
  });
  reply list = c.api("GET", "/books/" + book.id.text() + "/candidates?limit=2");
  REQUIRE(list.status == 200);
  const json::object document = list.json();
  const json::array& items = *document.find("items")->as_array();
  CHECK(items.size() == 2);
  std::string key, next;
  CHECK(items[0].as_object()->find("cover")->is_null());
  CHECK(document.take("next", next));
  CHECK(c.api("GET", "/books/" + book.id.text() + "/candidates?limit=2&after=" + next).status == 200);
  CHECK(c.api("GET", "/books/" + book.id.text() + "/candidates/" + uuid::make().text() + "/cover").status == 404);
}

TEST_CASE("the page of a book's fields asks the sources, once") {
  world w;
  made_book book = w.add_book("The Open Harbour");
  std::string path = book.path() + "/metadata";
  client c = w.as("librarian");
  CHECK_FALSE(c.get(path).says("Ask the metadata sources"));
  CHECK(c.post(path + "/ask").status == 303);
  CHECK(w.number("select count(*) from metadata_jobs") == 0);  // nobody is asked before the owner says so
  enable(c);
  CHECK(c.get(path).says("Ask the metadata sources"));
  CHECK(c.post(path + "/ask").status == 303);
  CHECK(c.post(path + "/ask").status == 303);
  CHECK(w.number("select count(*) from metadata_jobs") == 1);
  CHECK(c.get(path).says("The sources are being asked."));
  CHECK_FALSE(c.get(path).says("Ask the metadata sources"));
  CHECK(c.post("/books/" + uuid::make().text() + "/metadata/ask").status == 404);
  CHECK(w.as("reader").post(path + "/ask").status == 404);
}
