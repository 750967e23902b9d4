#include <catch2/catch.hpp>

#include "library/position.hpp"
#include "tests/integration/web/world.hpp"

using namespace carrel;
using namespace carrel::web::tests;

namespace {

std::string target(const reply& r) { return r.header("Location").substr(0, r.header("Location").find('#')); }

}  // namespace

TEST_CASE("a book page shows its file with every fingerprint") {
  world w;
  made_book book = w.add_book("The Open Harbour", "organized", {"Sea"});
  reply page = w.as("reader").get(book.path());
  CHECK(page.says("<h1>The Open Harbour</h1>"));
  CHECK(page.says("Ada Fenwick"));
  CHECK(page.says("part 2"));
  CHECK(page.says(">Sea<"));
  CHECK(page.says(book.document));
  CHECK(page.says("SHA-256"));
  CHECK(page.says("KOReader, binary"));
  CHECK(page.says("/api/v1" + book.path() + "/files/" + book.file.text()));
  CHECK_FALSE(page.says("Move to trash"));
}

TEST_CASE("a book of a series leads to the one before and the one after, as far as one may see them") {
  world w;
  made_book first = w.add_book("Alder"), hidden = w.add_book("Birch", "organized", {"Adult"}), here = w.add_book("Cedar"),
            waits = w.add_book("Doum", "inbox"), last = w.add_book("Elm");
  reply grown = w.as("librarian").get(here.path());
  CHECK(grown.says("href=\"" + hidden.path() + "\" rel=\"prev\">Before it: Birch<"));
  CHECK(grown.says("href=\"" + last.path() + "\" rel=\"next\">After it: Elm<"));
  CHECK_FALSE(grown.says("Doum"));
  CHECK(w.as("limited").get(here.path()).says("Before it: Alder"));
  CHECK_FALSE(w.as("reader").get(last.path()).says("After it"));
  CHECK(w.as("reader").get(first.path()).says("After it: Birch"));
}

TEST_CASE("a limited account without downloads gets no download link") {
  world w;
  made_book book = w.add_book("The Open Harbour");
  CHECK_FALSE(w.as("limited").get(book.path()).says("/files/" + book.file.text()));
}

TEST_CASE("editing a field locks it, keeps what was typed when it is wrong, and can be taken back") {
  world w;
  made_book book = w.add_book("The Open Harbour");
  client c = w.as("librarian");
  reply wrong = c.post(book.path() + "/edit", {{"title", "The Closed Harbour"}, {"published", "yesterday"}});
  CHECK(wrong.status == 422);
  CHECK(wrong.says("id=\"published-wrong\""));
  CHECK(wrong.says("value=\"The Closed Harbour\""));
  CHECK(c.get(book.path()).says("<h1>The Open Harbour</h1>"));

  reply edited = c.post(
      book.path() + "/edit",
      {{"title", "The Closed Harbour"}, {"authors", "Ada Fenwick\r\nOwen Reed\r\n"}, {"tags", "Sea, Fog"}, {"series", ""}});
  REQUIRE(edited.status == 303);
  reply page = c.get(target(edited));
  CHECK(page.says("<h1>The Closed Harbour</h1>"));
  CHECK(page.says("Owen Reed"));
  CHECK(page.says(">Fog<"));
  CHECK_FALSE(page.says("part 2"));
  CHECK(page.says("action=\"" + book.path() + "/undo-edit\""));
  CHECK(c.get(book.path() + "/edit").says("locked"));

  CHECK(c.post(book.path() + "/undo-edit").status == 303);
  CHECK(c.get(book.path()).says("<h1>The Open Harbour</h1>"));
}

TEST_CASE("saving an unchanged form changes and locks nothing") {
  world w;
  made_book book = w.add_book("The Open Harbour", "organized", {"Sea"});
  client c = w.as("librarian");
  reply same = c.post(
      book.path() + "/edit",
      {{"title", "The Open Harbour"}, {"authors", "Ada Fenwick"}, {"tags", "Sea"}, {"series", "Coast"}, {"series_index", "2"}});
  CHECK(same.header("Location") == book.path());
  CHECK(w.number("select count(*) from audit where action = 'book.edit'") == 0);
  CHECK(w.number("select count(*) from books where locked_fields <> '{}'") == 0);
}

TEST_CASE("a genre that has a comma stays one genre") {
  world w;
  made_book book = w.add_book("The Open Harbour");
  client c = w.as("librarian");
  auto genres = [&] {
    reply r = c.api("GET", book.path());
    return json::dump(*r.json().find("genres"));
  };
  REQUIRE(c.api("PATCH", book.path(), R"({"genres":["Fiction, Historical","Science"]})").status == 200);
  c.post(book.path() + "/edit", {{"title", "The Closed Harbour"}, {"genres", "Fiction, Historical, Science"}});
  CHECK(genres() == R"(["Fiction, Historical","Science"])");
  c.post(book.path() + "/edit", {{"genres", "War, Fiction, Historical"}});
  CHECK(genres() == R"(["War","Fiction, Historical"])");
}

TEST_CASE("an identifier without a name is pointed out, and wrong fields are named in the reader's language") {
  world w;
  made_book book = w.add_book("The Open Harbour");
  client c = w.as("librarian");
  reply r = c.post(book.path() + "/edit", {{"identifiers", "9780441478125"}});
  CHECK(r.status == 422);
  CHECK(r.says("id=\"identifiers-wrong\""));
  CHECK(r.says(">9780441478125<"));
  CHECK(w.number("select count(*) from audit where action = 'book.edit'") == 0);

  c.always = {{"Accept-Language", "de"}};
  CHECK(c.post(book.path() + "/edit", {{"title", ""}}).says("Titel: Ein Buch braucht einen Titel."));
  CHECK(c.post(book.path() + "/edit", {{"published", "gestern"}}).says("Gib Jahr, Monat oder Tag an"));
  CHECK(c.post(book.path() + "/edit", {{"page_count", "viele"}}).says("Gib eine ganze Zahl"));
  CHECK(c.post(book.path() + "/edit", {{"series", "Küste"}, {"series_index", "x"}}).says("Die Nummer liegt"));
  CHECK(c.post(book.path() + "/edit", {{"languages", "x"}}).says("Gib Kürzel an"));
  CHECK(c.post(book.path() + "/edit", {{"identifiers", "isbn: 1"}}).says("Diese ISBN"));
  CHECK(c.post(book.path() + "/edit", {{"publisher", std::string(5000, 'x')}}).says("Das ist zu lang."));
}

TEST_CASE("a trashed book is gone from the library and comes back") {
  world w;
  made_book book = w.add_book("The Open Harbour");
  client c = w.as("librarian"), reader = w.as("reader");
  reply trashed = c.post(book.path() + "/trash");
  CHECK(c.get(target(trashed)).says("action=\"" + book.path() + "/untrash\""));
  CHECK(reader.get(book.path()).status == 404);
  CHECK_FALSE(reader.get("/books").says("The Open Harbour"));
  CHECK(c.get("/trash").says("The Open Harbour"));
  CHECK(c.get(book.path()).says("Put back"));
  CHECK(c.post(book.path() + "/untrash").status == 303);
  CHECK(reader.get(book.path()).status == 200);
}

TEST_CASE("an inbox book is approved from the review list") {
  world w;
  made_book book = w.add_book("The Waiting Harbour", "review");
  client c = w.as("librarian");
  CHECK(c.get("/review").says("The Waiting Harbour"));
  CHECK(c.post(book.path() + "/approve", {{"back", "/review"}}).header("Location").find("/review?done=book.approved") == 0);
  CHECK(c.get("/review").says("Nothing waits."));
  CHECK(w.as("reader").get(book.path()).status == 200);
}

TEST_CASE("an earlier place becomes current again, and that can be taken back") {
  world w;
  made_book book = w.add_book("The Open Harbour");
  w.push(w.reader, book.document, 0.2);
  w.push(w.reader, book.document, 0.6);
  client c = w.as("reader");
  reply page = c.get(book.path());
  CHECK(page.says("60 %"));
  CHECK(page.says("20 %"));
  CHECK(w.as("other").get(book.path()).says("No device has sent a position yet."));

  std::size_t at = page.body.find("/positions/");
  REQUIRE(at != std::string::npos);
  std::string row = page.body.substr(at + 11, 36);
  CHECK(w.as("other").post(book.path() + "/positions/" + row + "/restore").status == 404);
  reply restored = c.post(book.path() + "/positions/" + row + "/restore");
  REQUIRE(restored.status == 303);
  CHECK(c.get(target(restored)).says("action=\"" + book.path() + "/positions/undo\""));
  CHECK(w.number("select (percentage * 100)::int from reading_progress") == 20);
  CHECK(c.get("/").says("20 %"));
}

TEST_CASE("the timeline says how well each place is known, and quotes the current one") {
  world w;
  made_book book = w.add_book("The Open Harbour");
  w.push(w.reader, book.document, 0.2);
  w.push(w.reader, book.document, 0.6);
  client c = w.as("reader");
  CHECK_FALSE(c.get(book.path()).says("approximate"));  // nobody has looked yet
  w.number(R"(with a as (update reading_progress_history set quality = 'exact' where percentage = 0.6),
                   b as (update reading_progress_history set quality = 'fraction' where percentage = 0.2)
              insert into book_positions (user_id, book_id, total_fraction, context_before, context_after, quality, document, device, origin, at)
              select user_id, book_id, 0.6, 'the lamp <', ' was lit', 'exact', document, 'Tablet', 'device', now() from documents
              returning 1)");
  reply page = c.get(book.path());
  CHECK(page.says(">exact</span>"));
  CHECK(page.says(">approximate</span>"));
  CHECK(page.says("the lamp &lt;<mark"));
  CHECK(page.says(" was lit"));
  CHECK(c.api("GET", book.path() + "/positions").says(R"("quality":"exact")"));
  CHECK_FALSE(w.as("other").get(book.path()).says("was lit"));
}

TEST_CASE("lists are pages of fifty, forwards and back, in every shape") {
  world w;
  for (int i = 0; i < 60; ++i) w.add_book("Harbour " + std::to_string(100 + i));
  client c = w.as("reader");
  reply first = c.get("/books?sort=title");
  CHECK(first.says("60 books"));
  CHECK(first.says("Harbour 149"));
  CHECK_FALSE(first.says("Harbour 150"));
  std::size_t at = first.body.find("rel=\"next\" href=\"");
  REQUIRE(at != std::string::npos);
  std::string next = first.body.substr(at + 17, first.body.find('"', at + 17) - at - 17);
  for (std::size_t amp; (amp = next.find("&amp;")) != std::string::npos;) next.replace(amp, 5, "&");
  reply second = c.get("/books" + next);
  CHECK(second.says("Harbour 150"));
  CHECK(second.says("rel=\"prev\""));
  CHECK_FALSE(second.says("rel=\"next\""));
  for (std::string shape : {"grid", "list", "table"}) CHECK(c.get("/books?view=" + shape).says("Harbour 159"));
  CHECK(first.body.size() < 200'000);
}

TEST_CASE("a file that an import brought is tried again by the import alone, and nothing else is promised") {
  world w;
  uuid item = w.fail_item(std::nullopt, "calibre.epub");
  static constexpr db::statement by_import{"test.by_import",
                                           "update ingest_items set source = 'import', error_code = 'disk_full' where id = $1"};
  w.write([&](db::tx& tx) { tx.run(by_import, item); });
  client librarian = w.as("librarian");
  auto page = librarian.get("/errata"), api = librarian.api("GET", "/errata");
  CHECK(page.says("There is not enough space."));
  CHECK(page.says("Run the import again"));
  CHECK_FALSE(page.says("It will be tried again"));
  CHECK_FALSE(page.says("/errata/" + item.text() + "/retry"));
  CHECK(api.says(R"("actions":["dismiss"])"));
  CHECK_FALSE(api.says("tried again"));
}

TEST_CASE("errata show a failed file to who sent it and to curators, and a document finds its book") {
  world w;
  made_book book = w.add_book("The Open Harbour");
  w.fail_item(w.reader, "broken.epub");
  uuid mine = w.fail_item(std::nullopt, "dropped.epub");
  w.push(w.reader, "0123456789abcdef0123456789abcdef", 0.3);
  client reader = w.as("reader"), librarian = w.as("librarian"), other = w.as("other");
  CHECK(reader.get("/errata").says("broken.epub"));
  CHECK(reader.get("/errata").says("0123456789abcdef"));
  CHECK_FALSE(reader.get("/errata").says("dropped.epub"));
  CHECK(librarian.get("/errata").says("dropped.epub"));
  CHECK_FALSE(librarian.get("/errata").says("0123456789abcdef"));
  CHECK(other.get("/errata").says("Nothing needs your eye."));

  CHECK(reader.post("/errata/" + mine.text() + "/dismiss").status == 404);
  CHECK(reader.post("/errata/" + mine.text() + "/retry").status == 404);
  CHECK(librarian.post("/errata/" + mine.text() + "/dismiss").status == 303);
  CHECK_FALSE(librarian.get("/errata").says("dropped.epub"));
  CHECK(librarian.post("/errata/" + mine.text() + "/undismiss").status == 303);
  CHECK(librarian.get("/errata").says("dropped.epub"));

  fields link{{"document", "0123456789abcdef0123456789abcdef"}, {"book", book.id.text()}};
  CHECK(other.post("/documents/link", link).status == 404);
  CHECK(reader.post("/documents/link", link).status == 303);
  CHECK(reader.get(book.path()).says("30 %"));
}

TEST_CASE("a file whose book lay in the trash leaves errata when the book is put back") {
  static constexpr db::statement sql_dropped{"test.dropped_again", R"sql(
    insert into ingest_items (id, source, policy, display_name, state, error_code, book_id)
    values ($1, 'watch', 'move', 'again.epub', 'rejected', 'duplicate_trashed', $2))sql"};
  world w;
  made_book book = w.add_book("The Open Harbour");
  w.write([&](db::tx& tx) { tx.run(sql_dropped, uuid::make(), book.id); });
  client c = w.as("librarian");
  c.post(book.path() + "/trash");
  CHECK(c.get("/errata").says("again.epub"));
  CHECK(c.get("/errata").says("<b>1</b>"));
  c.post(book.path() + "/untrash");
  CHECK_FALSE(c.get("/errata").says("again.epub"));
  CHECK_FALSE(c.get("/errata").says("<b>1</b>"));
}

TEST_CASE("a search says what matches in the inbox, to those who may look there") {
  world w;
  w.add_book("The Open Harbour");
  w.add_book("The Waiting Harbour", "inbox");
  client c = w.as("librarian");
  reply found = c.get("/books?q=harbour");
  CHECK(found.says("1 match waits in the inbox"));
  CHECK(found.says("href=\"?q=harbour&amp;status=inbox\""));
  CHECK(c.get("/books?q=harbour&status=inbox").says("The Waiting Harbour"));
  CHECK_FALSE(c.get("/books?q=open").says("in the inbox"));
  CHECK_FALSE(w.as("reader").get("/books?q=harbour").says("in the inbox"));
}
