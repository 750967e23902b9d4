// A book's files, devices, log and history on its page, and a reader's data as one file (product.md 3.6, 4.5).

#include <catch2/catch.hpp>

#include "library/position.hpp"
#include "library/position_remove.hpp"
#include "library/shelf.hpp"
#include "tests/integration/web/world.hpp"

using namespace carrel;
using namespace carrel::web::tests;

namespace {

// Of the older place in the history of a book.
uuid older_row(world& w, const made_book& book) {
  return w.write([&](db::tx& tx) {
    for (const library::position_row& p : library::positions_of_book(tx, w.reader, book.id, 10)) {
      if (!p.current) return p.id;
    }
    return uuid{};
  });
}

std::string row_action(const made_book& book, const uuid& row, const char* act) {
  return book.path() + "/positions/" + row.text() + "/" + act;
}

}  // namespace

TEST_CASE("a place in the history is deleted and comes back") {
  world w;
  made_book book = w.add_book("The Open Harbour"), other = w.add_book("A Winter Garden");
  w.push(w.reader, book.document, 0.25);
  w.push(w.reader, book.document, 0.5);
  uuid row = older_row(w, book);
  client c = w.as("reader");
  CHECK(c.get(book.path()).says("25 %"));
  CHECK(w.as("other").post(row_action(book, row, "remove")).status == 404);
  CHECK(c.post(row_action(other, row, "remove")).status == 404);
  reply removed = c.post(row_action(book, row, "remove"));
  REQUIRE(removed.status == 303);
  reply page = c.get(book.path() + "?done=position.removed&about=" + book.id.text() + "&other=" + row.text());
  CHECK_FALSE(page.says("25 %"));
  CHECK(page.says("50 %"));
  CHECK(page.says("action=\"" + book.path() + "/positions/bring-back\""));
  CHECK_FALSE(c.api("GET", book.path() + "/positions").says(row.text()));
  CHECK(c.post(row_action(book, row, "remove")).status == 404);
  CHECK(w.as("other").post(book.path() + "/positions/bring-back", {{"row", row.text()}}).status == 404);
  CHECK(c.post(book.path() + "/positions/bring-back", {{"row", row.text()}}).status == 303);
  CHECK(c.get(book.path()).says("25 %"));
  CHECK(c.post(book.path() + "/positions/bring-back", {{"row", row.text()}}).status == 404);
}

TEST_CASE("the current place stays, and a held one that is deleted asks no more") {
  world w;
  made_book book = w.add_book("The Open Harbour");
  w.push(w.reader, book.document, 0.5);
  client c = w.as("reader");
  uuid current = w.write([&](db::tx& tx) { return library::positions_of_book(tx, w.reader, book.id, 10).front().id; });
  CHECK(c.post(row_action(book, current, "remove")).status == 404);
  w.hold(w.reader, book.document, 0.2);
  CHECK(c.get("/errata").says("20 % from Old tablet"));
  CHECK(c.post(row_action(book, older_row(w, book), "remove")).status == 303);
  CHECK(c.get("/errata").says("Nothing needs your eye."));
  CHECK_FALSE(c.get("/").says("<b>1</b>"));
}

TEST_CASE("what was deleted long ago is gone for good") {
  world w;
  made_book book = w.add_book("The Open Harbour");
  for (double place : {0.1, 0.2, 0.3}) w.push(w.reader, book.document, place);
  CHECK(w.as("reader").post(row_action(book, older_row(w, book), "remove")).status == 303);
  auto forget = [&](instant before) {
    return w.write([&](db::tx& tx) { return library::forget_removed_positions(tx, before, 100); });
  };
  CHECK(forget(now() - std::chrono::days(30)) == 0);
  CHECK(forget(now() + std::chrono::days(1)) == 1);
  CHECK(w.number("select count(*) from reading_progress_history") == 2);
}

TEST_CASE("the page of a book says where its files came from and what was done to it") {
  world w;
  made_book book = w.add_book("The Open Harbour");
  static constexpr db::statement came{"test.came", R"sql(
    insert into ingest_items (id, source, policy, display_name, state, book_id, file_id)
    values (gen_random_uuid(), 'watch', 'move', 'harbour.epub', 'organised', $1, $2))sql"};
  w.write([&](db::tx& tx) { tx.run(came, book.id, book.file); });
  client librarian = w.as("librarian");
  librarian.api("PATCH", book.path(), R"({"publisher":"Saltmarsh Press"})");
  reply page = librarian.get(book.path());
  CHECK(page.says("From the drop folder"));
  CHECK_FALSE(page.says("Primary"));  // of one file
  CHECK(page.says("<h2 id=\"h-log\">Log</h2>"));
  CHECK(page.says("Edited"));
  CHECK_FALSE(w.as("reader").get(book.path()).says("h-log"));
}

TEST_CASE("the page of a book names the devices that have it or are to have it, to their reader") {
  world w;
  made_book book = w.add_book("The Open Harbour");
  client c = w.as("reader");
  uuid shelf = w.write([&](db::tx& tx) {
    uuid made = library::create_shelf(tx, w.reader, "Holidays", false)->id;
    library::add_to_shelf(tx, w.reader, made, {book.id});
    return made;
  });
  CHECK_FALSE(c.get(book.path()).says("h-devices"));
  c.api("POST", "/devices", R"({"name":"Libra","kind":"kobo","shelves":[")" + shelf.text() + R"("]})");
  c.api("POST", "/devices", R"({"name":"Tablet","kind":"koreader"})");
  reply page = c.get(book.path());
  CHECK(page.says("<b class=\"break\">Libra</b>"));
  CHECK(page.says("waiting"));
  CHECK_FALSE(page.says("<b class=\"break\">Tablet</b>"));
  static constexpr db::statement fetched{"test.fetched_by_tablet", R"sql(
    insert into downloads (id, device_id, user_id, file_id, book_id, checksum)
    select gen_random_uuid(), d.id, d.user_id, $2, $1, '' from devices d where d.name = 'Tablet')sql"};
  w.write([&](db::tx& tx) { tx.run(fetched, book.id, book.file); });
  CHECK(c.get(book.path()).says("<b class=\"break\">Tablet</b>"));
  CHECK_FALSE(w.as("other").get(book.path()).says("h-devices"));
}

TEST_CASE("a reader takes their data along, and nothing of others") {
  world w;
  made_book book = w.add_book("The Open Harbour");
  for (double place : {0.25, 0.5}) w.push(w.reader, book.document, place);
  w.push(w.other, book.document, 0.75);
  w.write([&](db::tx& tx) {
    uuid made = library::create_shelf(tx, w.reader, "Holidays", false)->id;
    library::add_to_shelf(tx, w.reader, made, {book.id});
    REQUIRE(library::create_shelf(tx, w.other, "Not yours", false));
  });
  client c = w.as("reader");
  c.api("POST", "/devices", R"({"name":"Tablet","kind":"koreader"})");
  static constexpr db::statement said{"test.said_of_book", R"sql(
    insert into opinions (user_id, book_id, rating, review) values ($1, $2, 7, 'Salt "and" fog'))sql"};
  static constexpr db::statement marked{"test.marked_in_book", R"sql(
    insert into annotations (id, user_id, entitlement, name, quote)
    select gen_random_uuid(), $1, entitlement, 'n', 'the open sea' from books)sql"};
  w.write([&](db::tx& tx) {
    tx.run(said, w.reader, book.id);
    tx.run(marked, w.reader);
  });
  CHECK(c.get("/account").says("href=\"/account/export\""));
  reply r = c.get("/account/export");
  REQUIRE(r.status == 200);
  CHECK(r.header("Content-Disposition") == "attachment; filename=\"carrel.json\"");
  json::object all = r.json();
  for (auto [name, count] : {std::pair{"devices", 1U}, std::pair{"shelves", 1U}, std::pair{"opinions", 1U},
                             std::pair{"places", 1U}, std::pair{"positions", 2U}, std::pair{"highlights", 1U}}) {
    INFO(name);
    REQUIRE(all.find(name) != nullptr);
    REQUIRE(all.find(name)->as_array() != nullptr);
    CHECK(all.find(name)->as_array()->size() == count);
  }
  CHECK(r.says("the open sea"));
  CHECK(r.says("Salt \\\"and\\\" fog"));
  CHECK(r.says("\"stars\" : 3.5"));
  CHECK(r.says("The Open Harbour"));
  CHECK_FALSE(r.says("Not yours"));
  CHECK_FALSE(r.says("0.75"));
  CHECK(w.anonymous().get("/account/export").status == 303);
}

TEST_CASE("more rows than one part of the export holds come once each") {
  world w;
  static constexpr db::statement many{"test.many_places", R"sql(
    insert into reading_progress_history (id, user_id, document, device, progress, percentage, timestamp)
    select gen_random_uuid(), $1, 'd', 'Tablet', 'p' || n, 0.1, 1 from generate_series(1, $2::int) n)sql"};
  w.write([&](db::tx& tx) {
    tx.run(many, w.reader, 1000);
    tx.run(many, w.other, 1);
  });
  CHECK(w.as("reader").get("/account/export").json().find("positions")->as_array()->size() == 1000);
  CHECK(w.as("other").get("/account/export").json().find("positions")->as_array()->size() == 1);
}
