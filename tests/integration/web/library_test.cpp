// The library page's filters and what is done with a selection (product.md 4.4).

#include <catch2/catch.hpp>

#include "library/shelf.hpp"
#include "tests/integration/web/world.hpp"

using namespace carrel;
using namespace carrel::web::tests;

namespace {

struct three_books {
  made_book harbour, garden, door;
};

three_books some_books(world& w) {
  three_books out{w.add_book("The Open Harbour"), w.add_book("A Winter Garden"), w.add_book("The Closed Door")};
  static constexpr db::statement facts{"test.book_facts", R"sql(
    update books set publisher = case title when 'The Open Harbour' then 'Saltmarsh Press' when 'A Winter Garden' then 'Ibis' end,
                     published_year = case title when 'The Open Harbour' then 1999 when 'A Winter Garden' then 2010 end,
                     description = case title when 'The Open Harbour' then 'Fog.' else '' end,
                     series_id = case title when 'A Winter Garden' then null else series_id end,
                     created_at = case title when 'The Closed Door' then now() - interval '40 days' else created_at end)sql"};
  w.write([&](db::tx& tx) { tx.run(facts); });
  return out;
}

// H, G and D for those that the page shows.
std::string shown(const reply& r, const three_books& b) {
  std::string out;
  if (r.says(b.harbour.path())) out += 'H';
  if (r.says(b.garden.path())) out += 'G';
  if (r.says(b.door.path())) out += 'D';
  return out;
}

std::string found(const reply& r, const three_books& b) {
  std::string out;
  if (r.says(b.harbour.id.text())) out += 'H';
  if (r.says(b.garden.id.text())) out += 'G';
  if (r.says(b.door.id.text())) out += 'D';
  return out;
}

uuid add_shelf(world& w, const uuid& owner, const std::string& name, const std::vector<uuid>& books) {
  return w.write([&](db::tx& tx) {
    uuid made = library::create_shelf(tx, owner, name, false)->id;
    library::add_to_shelf(tx, owner, made, books);
    return made;
  });
}

}  // namespace

TEST_CASE("the library is filtered by publisher, year, what is missing and when it was added; so is the API") {
  world w;
  three_books b = some_books(w);
  client c = w.as("reader");
  for (auto [query, expected] :
       {std::pair{"publisher=saltMARSH", "H"}, std::pair{"publisher=i", "G"}, std::pair{"publisher=%25", ""},
        std::pair{"year_from=2000", "G"}, std::pair{"year_to=2000", "H"}, std::pair{"year_from=1999&year_to=2010", "HG"},
        std::pair{"missing=description", "GD"}, std::pair{"missing=series", "G"}, std::pair{"missing=author", ""},
        std::pair{"missing=cover", "HGD"}, std::pair{"added=30", "HG"}, std::pair{"added=365", "HGD"},
        std::pair{"missing=description&added=7", "G"}, std::pair{"missing=description&q=door", "D"},
        std::pair{"missing=description&language=en&sort=author", "GD"}, std::pair{"publisher=ibis&state=unread&sort=title", "G"},
        std::pair{"publisher=ibis&state=read", ""}}) {
    INFO(query);
    CHECK(shown(c.get(std::string("/books?") + query), b) == expected);
    CHECK(found(c.api("GET", std::string("/books?") + query), b) == expected);
  }
  CHECK(c.get("/books.csv?missing=series").says("A Winter Garden"));
  CHECK_FALSE(c.get("/books.csv?missing=series").says("The Open Harbour"));
}

TEST_CASE("what an address says wrongly is no filter on the page and an error in the API") {
  world w;
  three_books b = some_books(w);
  client c = w.as("reader");
  for (const char* query :
       {"year_from=x", "year_to=0", "year_to=99999999999", "missing=title", "added=-3", "device=on.x", "device=maybe"}) {
    INFO(query);
    CHECK(shown(c.get(std::string("/books?") + query), b) == "HGD");
    CHECK(c.api("GET", std::string("/books?") + query).status == 400);
  }
}

TEST_CASE("filters in use stand in the form and as chips, and become a rule") {
  world w;
  some_books(w);
  client c = w.as("reader");
  reply page = c.get("/books?publisher=Ibis&year_from=2000&missing=series&added=30");
  CHECK(page.says("name=\"publisher\" value=\"Ibis\""));
  CHECK(page.says("name=\"year_from\" type=\"number\" inputmode=\"numeric\" min=\"1\" max=\"9999\" value=\"2000\""));
  CHECK(page.says("<option value=\"series\" selected>No series</option>"));
  CHECK(page.says("<option value=\"30\" selected>In the last 30 days</option>"));
  CHECK(page.says("Publisher Ibis"));
  CHECK(page.says("/shelves/rule?"));
  reply rule = c.get("/shelves/rule?publisher=Ibis&year_from=2000&missing=series&added=30");
  CHECK(rule.says("1 book fits"));
  CHECK_FALSE(c.get("/books?missing=description").says("/shelves/rule?"));  // no rule says that
}

TEST_CASE("a device's books are those that it has shown to hold") {
  world w;
  three_books b = some_books(w);
  client c = w.as("reader");
  reply made = c.api("POST", "/devices", R"({"name":"Tablet","kind":"koreader"})");
  REQUIRE(made.status == 201);
  std::string device = made.text("id");
  static constexpr db::statement fetched{"test.fetched_by_device", R"sql(
    insert into downloads (id, device_id, user_id, file_id, book_id, checksum)
    select gen_random_uuid(), d.id, d.user_id, gen_random_uuid(), b.id, '' from devices d, books b where b.title = 'A Winter Garden')sql"};
  w.write([&](db::tx& tx) { tx.run(fetched); });
  CHECK(shown(c.get("/books?device=on." + device), b) == "G");
  CHECK(shown(c.get("/books?device=off." + device), b) == "HD");
  CHECK(c.get("/books?device=off." + device).says("Not on Tablet"));
  CHECK(found(c.api("GET", "/books?device=on." + device), b) == "G");
  // Nobody else learns what is on it.
  CHECK(shown(w.as("other").get("/books?device=on." + device), b).empty());
  CHECK_FALSE(w.as("other").get("/books?device=on." + device).says("Tablet"));
}

TEST_CASE("somebody's private shelf is no filter for others") {
  world w;
  three_books b = some_books(w);
  std::string shelf = add_shelf(w, w.owner, "Presents", {b.garden.id}).text();
  client owner = w.as("owner"), other = w.as("other");
  CHECK(shown(owner.get("/books?shelf=" + shelf), b) == "G");
  CHECK(found(owner.api("GET", "/books?shelf=" + shelf), b) == "G");
  std::string unknown = "00000000-0000-7000-8000-00000000beef";
  for (const char* more : {"", "&sort=title", "&q=garden", "&missing=series", "&state=unread"}) {
    INFO(more);
    CHECK(shown(other.get("/books?shelf=" + shelf + more), b).empty());
    reply private_one = other.api("GET", "/books?shelf=" + shelf + more),
          none = other.api("GET", "/books?shelf=" + unknown + more);
    CHECK(private_one.status == none.status);
    CHECK(private_one.body == none.body);
  }
  CHECK_FALSE(other.get("/books.csv?shelf=" + shelf).says("A Winter Garden"));
  CHECK_FALSE(other.get("/books?shelf=" + shelf).says("Presents"));
  // Shared, it is one.
  owner.api("PATCH", "/shelves/" + shelf, R"({"shared":true})");
  CHECK(found(other.api("GET", "/books?shelf=" + shelf), b) == "G");
}

TEST_CASE("all that match means all of the filter, also what a reader thinks of them") {
  world w;
  three_books b = some_books(w);
  client c = w.as("librarian");
  c.api("PUT", b.door.path() + "/opinion", R"({"state":"read"})");
  auto chosen = [&](const std::string& where) {
    reply r = c.post("/bulk", {{"act", "trash"}, {"all", "1"}, {"where", where}});
    REQUIRE(r.status == 303);
    static constexpr db::statement filter{"test.bulk_filter", "select chosen::text from bulk_runs order by id desc limit 1"};
    return w.write([&](db::tx& tx) { return tx.run(filter)[0].text(0); });
  };
  CHECK(chosen("state=read&rating=3").find("\"state\": \"read\"") != std::string::npos);
  CHECK(chosen("state=read&rating=3").find("\"rating\": 6") != std::string::npos);
  CHECK(chosen("missing=series&publisher=Ibis").find("\"missing\": \"series\"") != std::string::npos);
  // A name that is not known would mean more books than were meant.
  CHECK(c.api("POST", "/bulk", R"({"act":"trash","where":{"sate":"read"}})").status == 422);
  CHECK(c.api("POST", "/bulk", R"({"act":"trash","where":{"missing":"title"}})").status == 422);
}

TEST_CASE("the files of chosen books are handed over as one archive") {
  world w;
  three_books b = some_books(w);
  client c = w.as("reader");
  CHECK(c.get("/books?select=1").says("formaction=\"/books/export\""));
  std::string harbour = "bytes of " + b.harbour.file.text(), garden = "bytes of " + b.garden.file.text();
  reply r = c.post("/books/export", {{"book", b.harbour.id.text()}, {"book", b.garden.id.text()}, {"book", "nonsense"}});
  REQUIRE(r.status == 200);
  CHECK(r.header("Content-Type") == "application/zip");
  CHECK(r.says("PK\x03\x04"));
  CHECK(r.says(harbour));
  CHECK(r.says(garden));
  CHECK(r.says("PK\x05\x06"));  // it has an end
  CHECK_FALSE(r.says("bytes of " + b.door.file.text()));
  CHECK(w.number("select count(*) from downloads") == 2);

  reply all = c.post("/books/export", {{"all", "1"}, {"where", "missing=series"}});
  CHECK(all.says(garden));
  CHECK_FALSE(all.says(harbour));
  // A file that is not in its place is left out.
  std::filesystem::remove(w.path_of(b.harbour));
  reply rest = c.post("/books/export", {{"book", b.harbour.id.text()}, {"book", b.garden.id.text()}});
  CHECK(rest.says(garden));
  CHECK_FALSE(rest.says(harbour));
}

TEST_CASE("only what one sees is handed over") {
  world w;
  three_books b = some_books(w);
  made_book waiting = w.add_book("The Hidden Cove", "inbox");
  std::string shelf = add_shelf(w, w.owner, "Presents", {b.garden.id}).text();
  client c = w.as("reader");
  CHECK(c.post("/books/export", {{"book", waiting.id.text()}}).status == 404);
  CHECK(c.post("/books/export", {{"all", "1"}, {"where", "shelf=" + shelf}}).status == 404);
  CHECK(c.post("/books/export", {}).status == 422);
  CHECK(c.post("/books/export", {{"book", b.garden.id.text()}, {"csrf", "wrong"}}).status == 403);
  static constexpr db::statement no_downloads{"test.no_downloads", "update users set may_download = false where id = $1"};
  w.write([&](db::tx& tx) { tx.run(no_downloads, w.limited); });
  CHECK(w.as("limited").post("/books/export", {{"book", b.garden.id.text()}}).status == 404);
}

TEST_CASE("the metadata sources are asked about the chosen books") {
  world w;
  three_books b = some_books(w);
  client c = w.as("librarian");
  CHECK(c.post("/books/ask", {{"book", b.door.id.text()}}).status == 303);
  CHECK(w.number("select count(*) from metadata_jobs") == 0);  // nobody may be asked
  CHECK(w.as("owner").post("/admin/sources", {{"enabled", "on"}}).status == 303);
  CHECK(c.post("/books/ask", {{"book", b.door.id.text()}}).status == 303);
  CHECK(w.number("select count(distinct book_id) from metadata_jobs") == 1);
  CHECK(c.get("/books?missing=description&select=1").says("name=\"back\" value=\"/books?missing=description\""));
  reply asked = c.post("/books/ask", {{"all", "1"}, {"where", "missing=description"}, {"back", "/books?missing=description"}});
  CHECK(asked.header("Location") == "/books?missing=description&done=source.fetch");
  CHECK(c.post("/books/ask", {{"book", b.door.id.text()}, {"back", "//else.example"}}).header("Location").find("/books?done=") ==
        0);
  CHECK(w.number("select count(distinct book_id) from metadata_jobs") == 2);
  CHECK(c.post("/books/ask", {}).status == 422);
  CHECK(w.as("reader").post("/books/ask", {{"book", b.door.id.text()}}).status == 404);
}

TEST_CASE("chosen books are put on a shelf that feeds a device") {
  world w;
  three_books b = some_books(w);
  client c = w.as("reader");
  CHECK_FALSE(c.get("/books?select=1").says("Put on device"));
  std::string shelf = add_shelf(w, w.reader, "Holidays", {}).text();
  std::string device = c.api("POST", "/devices", R"({"name":"Libra","kind":"kobo","shelves":[")" + shelf + R"("]})").text("id");
  REQUIRE_FALSE(device.empty());
  CHECK(c.get("/books?select=1").says("<option value=\"" + shelf + "\">Libra: Holidays</option>"));
  reply run = c.post("/bulk", {{"act", "device"}, {"device_shelf", shelf}, {"book", b.door.id.text()}});
  REQUIRE(run.status == 303);
  CHECK(w.number("select count(*) from bulk_runs where act = 'shelf'") == 1);
  CHECK(w.as("other").post("/bulk", {{"act", "device"}, {"device_shelf", shelf}, {"book", b.door.id.text()}}).status == 404);
}
