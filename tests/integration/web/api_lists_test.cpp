#include <catch2/catch.hpp>

#include <set>

#include "library/shelf.hpp"
#include "server/jobs/queue.hpp"
#include "tests/harness/eventually.hpp"
#include "tests/integration/web/world.hpp"

using namespace carrel;
using namespace carrel::web::tests;

namespace {

std::vector<std::string> members(const reply& r, std::string_view name) {
  std::vector<std::string> out;
  json::object whole = r.json();
  for (const json::value& item : *whole.find("items")->as_array()) {
    std::string text;
    if (item.as_object()->take(name, text)) out.push_back(text);
  }
  return out;
}

}  // namespace

TEST_CASE("a list is walked to its end by next, each book once") {
  world w;
  for (int i = 0; i < 23; ++i) w.add_book("Harbour " + std::to_string(i));
  client c = w.as("reader");
  std::multiset<std::string> seen;
  std::string after;
  for (int pages = 0; pages < 10; ++pages) {
    reply r = c.api("GET", "/books?limit=10&sort=title" + (after.empty() ? "" : "&after=" + after));
    REQUIRE(r.status == 200);
    for (const std::string& t : members(r, "title")) seen.insert(t);
    after = r.text("next");
    if (after.empty()) break;
  }
  CHECK(seen.size() == 23);
  CHECK(std::set<std::string>(seen.begin(), seen.end()).size() == 23);
}

TEST_CASE("limits and tokens that make no sense are refused") {
  world w;
  w.add_book("Harbour");
  client c = w.as("reader");
  for (std::string path : {"/books", "/shelves", "/devices", "/jobs", "/errata", "/documents/unknown"}) {
    for (std::string query : {"?limit=0", "?limit=201", "?limit=-1", "?limit=x", "?limit=", "?after=nonsense", "?after=AAAA"}) {
      INFO(path << query);
      CHECK(c.api("GET", path + query).status == 400);
    }
    CHECK(c.api("GET", path + "?limit=200").status == 200);
    CHECK(c.api("GET", path + "?limit=1").status == 200);
  }
  for (std::string query : {"?status=nonsense", "?sort=nonsense", "?shelf=nonsense", "?author=1"})
    CHECK(c.api("GET", "/books" + query).status == 400);
}

TEST_CASE("books are found by words and by state") {
  world w;
  w.add_book("The Open Harbour");
  w.add_book("The Closed Door");
  w.add_book("The Waiting Harbour", "inbox");
  client c = w.as("librarian");
  CHECK(members(c.api("GET", "/books?q=harbour"), "title").size() == 2);
  CHECK(members(c.api("GET", "/books?q=harbour&status=inbox"), "title") == std::vector<std::string>{"The Waiting Harbour"});
  CHECK(members(w.as("reader").api("GET", "/books?status=inbox"), "title").empty());
  CHECK(members(w.as("reader").api("GET", "/books?q=fenwick"), "title").size() == 2);
}

TEST_CASE("positions come newest first, and a restored one is a new row") {
  world w;
  made_book book = w.add_book("The Open Harbour");
  w.push(w.reader, book.document, 0.2);
  w.push(w.reader, book.document, 0.4213);
  client c = w.as("reader");
  reply r = c.api("GET", book.path() + "/positions");
  REQUIRE(members(r, "id").size() == 2);
  CHECK(r.body.find("0.4213") < r.body.find("0.2,"));
  CHECK(members(w.as("other").api("GET", book.path() + "/positions"), "id").empty());
  std::string oldest = members(r, "id")[1];
  CHECK(w.as("other").api("POST", book.path() + "/positions/" + oldest + "/restore").status == 404);
  reply restored = c.api("POST", book.path() + "/positions/" + oldest + "/restore");
  CHECK(restored.status == 200);
  CHECK(restored.text("id") != oldest);
  CHECK(restored.says("\"current\":true"));
  CHECK(members(c.api("GET", book.path() + "/positions"), "id").size() == 3);
  CHECK(members(c.api("GET", book.path() + "/positions?limit=2"), "id").size() == 2);
}

TEST_CASE("an unknown document is listed with its sender and linked once") {
  world w;
  made_book book = w.add_book("The Open Harbour");
  std::string document = "0123456789abcdef0123456789abcdef";
  w.push(w.reader, document, 0.25);
  client c = w.as("reader");
  CHECK(members(c.api("GET", "/documents/unknown"), "document") == std::vector<std::string>{document});
  CHECK(members(w.as("owner").api("GET", "/documents/unknown"), "document").empty());
  std::string body = R"({"book":")" + book.id.text() + "\"}";
  CHECK(w.as("owner").api("PUT", "/documents/" + document + "/book", body).status == 404);
  CHECK(c.api("PUT", "/documents/" + document + "/book", "{}").status == 422);
  CHECK(c.api("PUT", "/documents/" + document + "/book", R"({"book":"x"})").status == 404);
  CHECK(c.api("PUT", "/documents/" + document + "/book", body).status == 200);
  CHECK(members(c.api("GET", "/documents/unknown"), "document").empty());
  CHECK(members(c.api("GET", book.path() + "/positions"), "id").size() == 1);
}

TEST_CASE("a file that is gone from the disk is named, and stands in errata until it is there again") {
  world w;
  made_book book = w.add_book("The Open Harbour");
  std::filesystem::path file = w.path_of(book), away = file.string() + ".away";
  std::filesystem::rename(file, away);
  client reader = w.as("reader"), librarian = w.as("librarian");
  std::string path = book.path() + "/files/" + book.file.text();
  reply gone = reader.api("GET", path);
  CHECK(gone.status == 404);
  CHECK(gone.says("\"file_missing\""));
  REQUIRE(harness::eventually([&] { return librarian.api("GET", "/errata").says("missing_file"); }));
  CHECK(librarian.get("/errata").says("Files that are missing"));
  CHECK(librarian.get("/").says("<b>1</b>"));
  CHECK_FALSE(reader.get("/errata").says("The Open Harbour"));
  CHECK(reader.api("GET", "/errata").says("\"items\":[]"));

  std::filesystem::rename(away, file);
  CHECK(reader.api("GET", path).status == 200);
  CHECK(harness::eventually([&] { return !librarian.get("/errata").says("Files that are missing"); }));
}

TEST_CASE("errata and jobs show one's own, and everything to those who look after it") {
  world w;
  uuid mine = w.fail_item(w.reader, "mine.epub");
  w.fail_item(std::nullopt, "dropped.epub");
  uuid job = w.write([&](db::tx& tx) { return jobs::enqueue(tx, "ingest.file", "a", {}, {}, w.reader); });
  w.write([&](db::tx& tx) { return jobs::enqueue(tx, "store.sweep", "b", {}); });
  client reader = w.as("reader"), librarian = w.as("librarian");
  CHECK(members(reader.api("GET", "/errata"), "id") == std::vector<std::string>{mine.text()});
  CHECK(members(librarian.api("GET", "/errata"), "id").size() == 2);  // and no book lacks anything: there is none
  CHECK(librarian.api("GET", "/errata").says(R"("actions":["retry","dismiss"])"));
  CHECK(members(reader.api("GET", "/jobs"), "kind") == std::vector<std::string>{"ingest.file"});
  CHECK(members(librarian.api("GET", "/jobs"), "kind").size() == 2);
  CHECK(reader.api("GET", "/jobs/" + job.text()).text("kind") == "ingest.file");
  CHECK(w.as("other").api("GET", "/jobs/" + job.text()).status == 404);
}

TEST_CASE("the event stream tells what runs, as server-sent events") {
  world w;
  w.write([&](db::tx& tx) { return jobs::enqueue(tx, "ingest.file", "a", {}, {}, w.reader); });
  client c = w.as("reader");
  CHECK(w.anonymous().get("/api/v1/events").status == 401);
  // Switching the account off ends the stream, which gives the client its end.
  bool told = false;
  c.arrived = [&](const std::string& so_far) {
    if (told || so_far.find("event: job") == std::string::npos) return;
    told = true;
    w.write([&](db::tx& tx) { return library::disable_user(tx, w.reader, true).has_value(); });
  };
  reply r = c.get("/api/v1/events");
  CHECK(r.status == 200);
  CHECK(r.header("Content-Type") == "text/event-stream");
  CHECK(r.says("event: catalog\ndata: {\"revision\":"));
  CHECK(r.says("event: job\ndata: {\"id\":"));
}

TEST_CASE("what goes from a list between two pages takes nobody else with it") {
  world w;
  std::vector<std::string> items, work;
  for (const char* name : {"third.epub", "second.epub", "first.epub"}) {
    items.insert(items.begin(), w.fail_item(w.librarian, name).text());
    uuid job = w.write([&](db::tx& tx) { return jobs::enqueue(tx, "store.sweep", name, {}); });
    work.insert(work.begin(), job.text());
  }
  w.push(w.librarian, "0123456789abcdef0123456789abcdef", 0.3);
  client c = w.as("librarian");
  CHECK(members(c.api("GET", "/errata"), "kind").front() == "unknown_document");
  reply first = c.api("GET", "/errata?limit=2");
  REQUIRE(members(first, "id").at(1) == items[0]);
  CHECK(c.post("/errata/" + items[0] + "/dismiss").status == 303);
  reply second = c.api("GET", "/errata?limit=1&after=" + first.text("next"));
  CHECK(members(second, "id") == std::vector<std::string>{items[1]});
  CHECK(members(c.api("GET", "/errata?after=" + second.text("next")), "id") == std::vector<std::string>{items[2]});

  first = c.api("GET", "/jobs?limit=1");
  REQUIRE(members(first, "id").at(0) == work[0]);
  CHECK(c.post("/jobs/" + work[0] + "/cancel").status == 303);
  second = c.api("GET", "/jobs?limit=1&after=" + first.text("next"));
  CHECK(members(second, "id") == std::vector<std::string>{work[1]});
  std::vector<std::string> last = members(c.api("GET", "/jobs?after=" + second.text("next")), "id");
  CHECK(last == std::vector<std::string>{work[2], work[0]});
  for (std::string odd : {"am9iczo", "am9iczow", "am9iczowOjE", "am9iczo5OjE6eA", "am9iczowOng6eA"})
    CHECK(c.api("GET", "/jobs?after=" + odd).status == 400);
}

TEST_CASE("a held place is told in a sentence, and waits only until it is settled") {
  world w;
  made_book book = w.add_book("The Open Harbour");
  w.push(w.reader, book.document, 0.62);
  w.hold(w.reader, book.document, 0.41);
  client c = w.as("reader");
  CHECK(c.api("GET", "/errata").says("An older place from Old tablet (41 %) was kept aside because Tablet is at 62 %."));
  CHECK(c.api("GET", book.path() + "/positions").says("\"accepted\":false,\"waits\":true"));
  CHECK(c.get(book.path()).says(">kept aside<"));
  w.write([](db::tx& tx) {
    static constexpr db::statement sql{"test.settle",
                                       "update reading_progress_history set settled_at = now() where not accepted"};
    tx.run(sql);
  });
  CHECK(c.api("GET", book.path() + "/positions").says("\"accepted\":false,\"waits\":false"));
  CHECK_FALSE(c.get(book.path()).says(">kept aside<"));
  CHECK(c.get(book.path()).says(">no longer kept aside<"));
}

TEST_CASE("a book with two documents has one current place, the newest") {
  world w;
  made_book book = w.add_book("The Open Harbour");
  std::string other = "0123456789abcdef0123456789abcdef";
  w.push(w.reader, book.document, 0.2);
  w.push(w.reader, other, 0.7);
  client c = w.as("reader");
  CHECK(c.api("PUT", "/documents/" + other + "/book", R"({"book":")" + book.id.text() + "\"}").status == 200);
  std::string rows = c.api("GET", book.path() + "/positions").body;
  std::size_t first = rows.find("\"current\":true");
  REQUIRE(first != std::string::npos);
  CHECK(first < rows.find("0.2,"));
  CHECK(rows.find("\"current\":true", first + 1) == std::string::npos);
}

TEST_CASE("a shelf of somebody else narrows no list, unless it is shared") {
  world w;
  made_book book = w.add_book("The Open Harbour");
  uuid shelf = w.write([&](db::tx& tx) {
    uuid id = library::create_shelf(tx, w.owner, "Mine alone", true).value().id;
    library::add_to_shelf(tx, w.owner, id, {book.id});
    return id;
  });
  client reader = w.as("reader"), owner = w.as("owner");
  std::string list = "/books?shelf=" + shelf.text();
  CHECK(owner.api("GET", list).says(book.id.text()));
  CHECK_FALSE(reader.api("GET", list).says(book.id.text()));
  CHECK_FALSE(reader.get(list).says("The Open Harbour"));
  CHECK_FALSE(reader.api("GET", list + "&language=xx").says(book.id.text()));
  w.write([&](db::tx& tx) { tx.script("update shelves set shared = true"); });
  CHECK(reader.api("GET", list).says(book.id.text()));
}
