#include <catch2/catch.hpp>

#include "library/device.hpp"
#include "library/kobo_options.hpp"
#include "tests/integration/web/world.hpp"

using namespace carrel;
using namespace carrel::web::tests;

namespace {

constexpr db::statement sql_newest{"test.newest_device", "select id from devices order by created_at desc limit 1"};

constexpr db::statement sql_shelf{"test.only_shelf", "select id from shelves"};

uuid newest(world& w) {
  return w.write([](db::tx& tx) { return tx.run(sql_newest)[0].id(0); });
}

std::optional<bool> asks_store(world& w, const uuid& device) {
  return w.write([&](db::tx& tx) { return library::kobo_options_of(tx, device).passthrough; });
}

// A reader's Kobo and its page.
struct added_kobo {
  world w;
  client c = w.as("reader");
  uuid id;
  std::string page;
  added_kobo() {
    REQUIRE(c.post("/devices/add/kobo", {{"name", "Clara"}, {"new_shelf", "A"}}).status == 200);
    id = newest(w);
    page = "/devices/" + id.text();
  }
};

}  // namespace

TEST_CASE("whether a Kobo asks the real store is asked when it is added, and may be chosen anew") {
  world w;
  client c = w.as("reader");
  CHECK(c.get("/devices/add/kobo").says(R"(<input type="checkbox" name="store"> )"));
  REQUIRE(c.post("/devices/add/kobo", {{"name", "Plain"}, {"new_shelf", "A"}}).status == 200);
  CHECK(asks_store(w, newest(w)) == false);
  REQUIRE(c.post("/devices/add/kobo", {{"name", "Both"}, {"new_shelf", "B"}, {"store", "on"}}).status == 200);
  uuid id = newest(w);
  CHECK(asks_store(w, id) == true);
  std::string page = "/devices/" + id.text();
  CHECK(c.get(page).says(R"(<option value="on" selected>)"));

  CHECK(c.post(page + "/choices", {{"store", "off"}, {"policy", "server"}}).status == 303);
  CHECK(asks_store(w, id) == false);
  CHECK(c.post(page + "/choices", {{"store", "server"}, {"policy", "server"}}).status == 303);
  CHECK(asks_store(w, id) == std::nullopt);

  CHECK(c.api("PATCH", page, R"({"passthrough":true})").says(R"("passthrough":true)"));
  CHECK(asks_store(w, id) == true);
  CHECK(c.api("PATCH", page, R"({"passthrough":"yes"})").status >= 400);
  CHECK(c.api("PATCH", page, R"({"paused":true})").says(R"("passthrough":true)"));
  CHECK(c.api("PATCH", page, R"({"passthrough":null})").says(R"("passthrough":null)"));
  CHECK(w.as("other").api("PATCH", page, R"({"passthrough":true})").status == 404);
  CHECK(asks_store(w, id) == std::nullopt);
}

TEST_CASE("a book that is not converted yet says so on the device's page, and one that cannot be is named in errata") {
  added_kobo k;
  auto& [w, c, id, page] = k;
  made_book book = w.add_book("The Open Harbour");
  w.number("insert into shelf_books (shelf_id, book_id, position) select id, (select id from books), 1 from shelves returning 1");
  CHECK_FALSE(c.get(page).says("being prepared"));
  w.number("with f as (update book_files set kobo_as = null) update books set kobo_ready = false returning 1");
  CHECK(c.get(page).says("being prepared"));
  CHECK(w.number("select count(*) from jobs where kind = 'kobo.kepub'") == 1);

  CHECK(c.get("/errata").says("Nothing needs your eye."));
  w.number(
      "with f as (update book_files set kobo_as = id, kobo_kept = 'kepub_failed') update books set kobo_ready = true returning "
      "1");
  CHECK(c.get("/errata").says("The Open Harbour"));
  CHECK(c.get("/errata").says("The conversion was stopped"));
  CHECK(c.api("GET", "/errata").says(R"("kind":"unconverted")"));
  CHECK(w.as("other").get("/errata").says("Nothing needs your eye."));  // of nobody else's Kobo
  w.number("update book_files set kobo_kept = 'kepub_fixed_layout' returning 1");
  CHECK(c.get("/errata").says("Nothing needs your eye."));
}

TEST_CASE("of a device's requests those that failed can be shown alone") {
  added_kobo k;
  auto& [w, c, id, page] = k;
  CHECK_FALSE(c.get(page).says("?show=failures"));
  w.write([&](db::tx& tx) {
    library::device_request fine{.at = now(), .protocol = "kobo", .request = "GET /v1/fine", .note = "", .status = 200};
    library::note_requests(tx, {{id, {fine}}});
  });
  CHECK(c.get(page + "?show=failures").says("Nothing has failed."));
  w.write([&](db::tx& tx) {
    library::device_request broken{.at = now(), .protocol = "kobo", .request = "GET /v1/broken", .note = "", .status = 503};
    library::note_requests(tx, {{id, {broken}}});
  });
  CHECK(c.get(page).says("/v1/fine"));
  auto failures = c.get(page + "?show=failures");
  CHECK(failures.says("/v1/broken"));
  CHECK_FALSE(failures.says("/v1/fine"));
  CHECK(failures.says("hx-get=\"" + page + "?show=failures\""));  // stays so while it is looked at
}

TEST_CASE("a shelf's page tells of each book on each Kobo why, and lets its owner send again, reset and pause") {
  added_kobo k;
  auto& [w, c, id, page] = k;
  made_book book = w.add_book("The Open Harbour");
  w.add_book("A Drawing");
  w.number("update book_files set format = 'pdf' where book_id = (select id from books where title = 'A Drawing') returning 1");
  w.number("update books set kobo_file = null where title = 'A Drawing' returning 1");
  w.number(
      "insert into shelf_books (shelf_id, book_id, position) select s.id, b.id, row_number() over () from shelves s, books b "
      "returning 1");
  std::string shelf = "/shelf/" + w.write([](db::tx& tx) { return tx.run(sql_shelf)[0].id(0).text(); });
  auto before = c.get(shelf);
  CHECK(before.says("has not come yet"));
  CHECK_FALSE(before.says("/reset"));  // there is nothing to begin anew
  CHECK(before.says("has no EPUB"));
  CHECK(before.says(R"(<input type="checkbox" form="chosen" name="book" value=")" + book.id.text()));
  CHECK(before.says(R"(form="chosen" formaction=")" + page + "/again"));

  w.number(
      "insert into kobo_devices (id, device_id, last_seen_at, last_sync_at) select gen_random_uuid(), id, now(), now() from "
      "devices "
      "returning 1");
  w.number(
      "insert into kobo_ledger (kobo_id, id, subject, title, first_announced_at, announced_at, since_at, delivered_at)"
      " select k.id, b.entitlement, 1, b.title, now(), now(), now(), now() from kobo_devices k, books b where b.kobo_file is not "
      "null returning 1");
  auto told = c.get(shelf);
  CHECK(told.says("is well"));
  CHECK(told.says("accepted"));
  CHECK(told.says("The Kobo came back for more, so it has heard of it"));
  CHECK(told.says(page + "/reset?back=" + shelf));
  auto reset = c.get(page + "/reset?back=" + shelf);
  CHECK(reset.says("This is announced: <b>1 book, "));
  CHECK(reset.says(R"(name="back" value=")" + shelf));
  CHECK_FALSE(c.get(page + "/reset?back=//elsewhere.example").says("name=\"back\" value=\"//elsewhere"));
  CHECK(w.as("other").get(page + "/reset").status == 404);
  w.number(
      "insert into kobo_suspicions (kobo_id, id, reason, since) select kobo_id, id, 'silent', now() from kobo_ledger returning "
      "1");
  CHECK(c.get(shelf).says("needs a look"));
  CHECK(c.get(shelf).says("never touched"));
  CHECK(c.get("/devices").says("1 book may be missing"));
  CHECK_FALSE(w.as("other").get("/devices").says("may be missing"));

  auto again = c.post(page + "/again", {{"book", book.id.text()}, {"back", shelf}});
  CHECK(again.status == 303);
  CHECK(again.header("Location").find(shelf + "?done=kobo.again") != std::string::npos);
  CHECK(c.post(page + "/take-back", {{"back", shelf}}).header("Location").find(shelf) != std::string::npos);
  CHECK(c.post(page + "/reset", {{"back", shelf}}).header("Location").find(shelf + "?done=kobo.reset") != std::string::npos);
  CHECK(c.post(page + "/reset", {{"back", "https://elsewhere.example"}}).header("Location").find("elsewhere") ==
        std::string::npos);

  auto paused = c.post(page + "/pause", {{"paused", "on"}, {"back", shelf}});
  CHECK(paused.status == 303);
  CHECK(c.get(paused.header("Location")).says("Nothing comes to the Kobo"));
  CHECK(c.get(shelf).says("paused: nothing comes and nothing goes"));
  CHECK(w.as("other").post(page + "/pause", {}).status == 404);
  CHECK(c.get(c.post(page + "/pause", {{"back", shelf}}).header("Location")).says("It goes on with the next sync."));
  CHECK_FALSE(c.get(shelf).says("paused: nothing"));
}

TEST_CASE("a list that its reader hid on a Kobo is named on the Kobo's page and shown again with one press") {
  added_kobo k;
  auto& [w, c, id, page] = k;
  w.number("insert into kobo_devices (id, device_id) select gen_random_uuid(), id from devices returning 1");
  CHECK_FALSE(c.get(page).says("Lists that are hidden on it"));
  w.number("insert into kobo_tombstones (kobo_id, subject, id) select k.id, 3, s.id from kobo_devices k, shelves s returning 1");
  CHECK(c.get(page).says("Lists that are hidden on it"));
  std::string shelf = w.write([](db::tx& tx) { return tx.run(sql_shelf)[0].id(0).text(); });
  CHECK(w.as("other").post(page + "/show", {{"shelf", shelf}}).status == 404);
  CHECK(c.post(page + "/show", {{"shelf", "odd"}}).status == 404);
  CHECK(c.post(page + "/show", {{"shelf", shelf}}).status == 303);
  CHECK_FALSE(c.get(page).says("Lists that are hidden on it"));
  CHECK(w.number("select changes from kobo_devices") == 2);
  CHECK(c.get("/shelves").says("for Clara"));
}

TEST_CASE("whether a Kobo's losses are mended by themselves is its owner's choice, and a misspelt choice is refused") {
  added_kobo k;
  auto& [w, c, id, page] = k;
  auto heals = [&] { return w.write([&](db::tx& tx) { return library::kobo_options_of(tx, id).heal; }); };
  CHECK(heals() == std::nullopt);
  CHECK(c.post(page + "/choices", {{"heal", "off"}, {"policy", "server"}}).status == 303);
  CHECK(heals() == false);
  CHECK(c.get(page).says(R"(<option value="off" selected>is only shown here)"));
  CHECK(c.api("PATCH", page, R"({"heal":null})").says(R"("heal":null)"));
  CHECK(heals() == std::nullopt);
  auto wrong = c.api("PATCH", page, R"({"heel":false,"paused":true})");
  CHECK(wrong.status == 422);
  CHECK(wrong.says("heel"));
  CHECK_FALSE(w.write([&](db::tx& tx) { return library::kobo_options_of(tx, id).paused; }));
}

TEST_CASE("what a Kobo shall lose, and how it keeps its place, is for its owner alone") {
  added_kobo k;
  auto& [w, c, id, page] = k;
  CHECK(c.post(page + "/take-off", {{"book", uuid::make().text()}}).status == 303);
  CHECK(c.post(page + "/take-off", {{"book", "no id"}}).status == 303);
  CHECK(w.as("other").post(page + "/take-off", {}).status == 404);
  CHECK(c.api("PATCH", page, R"({"sync_mode":"ledger"})").says(R"("sync_mode":"ledger")"));
  CHECK(c.api("PATCH", page, R"({"sync_mode":"other"})").status == 422);
  CHECK(c.get(page).says(R"(<input type="checkbox" name="by_ledger" checked>)"));

  CHECK(c.api("PATCH", page, R"({"hyphenation":"loud"})").status == 422);
  CHECK(c.api("PATCH", page, R"({"kepub":"off"})").status == 422);
  CHECK(c.api("PATCH", page, R"({"hyphenation":"never","kepub":true})").says(R"("kepub":true,"hyphenation":"never")"));
  CHECK(c.get(page).says(R"(<option value="never" selected>)"));
  CHECK(c.post(page + "/choices", {{"kepub", "off"}, {"hyphenation", "server"}, {"policy", "server"}}).status == 303);
  CHECK(c.api("PATCH", page, "{}").says(R"("kepub":false,"hyphenation":null)"));
}

TEST_CASE("below a path the page says what else the proxy has to pass on") {
  for (const char* path : {"/", "/books"}) {
    world w(true, path);
    CHECK(w.as("reader").get("/devices/add/kobo").says("http://books.test/api/UserStorage") == (std::string(path) == "/books"));
  }
}
