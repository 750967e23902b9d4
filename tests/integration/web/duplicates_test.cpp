// Possible duplicates: the card, two side by side, the acts and the way back (product.md 4.8, 4.9).
#include <catch2/catch.hpp>

#include "library/duplicate.hpp"
#include "tests/integration/web/world.hpp"

using namespace carrel;
using namespace carrel::web::tests;

namespace {

struct stage {
  world w;
  made_book older = w.add_book("Rain & Snow"), later = w.add_book("Rain & Snow", "review");
  client c = w.as("librarian");

  stage() { note(later.id); }
  void note(const uuid& book) {
    w.write([&](db::tx& tx) {
      library::note_duplicates(tx, book);
      return 0;
    });
  }
  fields merge_form(const std::string& act = "merge") {
    return {{"kept", older.id.text()}, {"other", later.id.text()}, {"act", act}, {"back", "/duplicates"}};
  }
  std::string errata() { return w.as("librarian").api("GET", "/errata").body; }
};

std::string bar_of(client& c, const reply& r) { return c.get(r.header("Location")).body; }
bool says(const std::string& body, const std::string& text) { return body.find(text) != std::string::npos; }

// The address of the form in the bar.
std::string undo_in(const std::string& page) {
  std::size_t bar = page.find("data-bar"), at = page.find("action=\"", bar) + 8;
  REQUIRE(bar != std::string::npos);
  return page.substr(at, page.find('"', at) - at);
}

}  // namespace

TEST_CASE("a pair is on the errata page, in the API and side by side, for those who may decide") {
  stage s;
  reply errata = s.c.get("/errata");
  CHECK(errata.says("Possible duplicates"));
  CHECK(errata.says("/duplicates/" + s.later.id.text() + "/" + s.older.id.text()));
  CHECK(says(s.errata(), "\"kind\":\"duplicate\""));
  CHECK(says(s.errata(), "\"reason\":\"work\""));
  CHECK_FALSE(s.w.as("reader").get("/errata").says("Possible duplicates"));
  CHECK_FALSE(says(s.w.as("reader").api("GET", "/errata").body, "duplicate"));

  reply beside = s.c.get("/duplicates/" + s.older.id.text() + "/" + s.later.id.text());
  CHECK(beside.says("Two books side by side"));
  CHECK(beside.says("Rain &amp; Snow"));
  CHECK(beside.says("Same title and author"));
  CHECK(beside.says("To be reviewed"));
  CHECK(s.c.get("/duplicates/" + s.older.id.text() + "/" + s.older.id.text()).status == 404);
  CHECK(s.c.get("/duplicates/x/y").status == 404);
  CHECK(s.c.get("/duplicates?after=nonsense.1.2.3").status == 200);
}

TEST_CASE("similar titles are shown when asked for, and count for nothing") {
  stage s;
  made_book a = s.w.add_book("The Cartographer of Winds"), b = s.w.add_book("The Cartographers of Winds");
  s.w.write([](db::tx& tx) {
    tx.script("update books set series_id = null, series_index = null");
    return 0;
  });
  s.note(b.id);
  CHECK_FALSE(s.c.get("/duplicates").says("Cartographers"));
  CHECK(s.c.get("/duplicates?show=all").says("Cartographers"));
  CHECK_FALSE(says(s.errata(), "Cartographers"));
  CHECK(s.c.get(a.path()).status == 200);
}

TEST_CASE("merged on the page, taken back in the bar") {
  stage s;
  reply merged = s.c.post("/duplicates/merge", s.merge_form());
  REQUIRE(merged.status == 303);
  std::string bar = bar_of(s.c, merged);
  CHECK(says(bar, "The two are one book."));
  CHECK(s.w.number("select count(*) from books where deleted_at is null") == 1);
  CHECK_FALSE(says(s.errata(), "\"kind\":\"duplicate\""));

  reply old = s.c.get(s.later.path());
  CHECK(old.status == 303);
  CHECK(old.header("Location") == s.older.path());
  CHECK_FALSE(s.c.get("/trash").says("Rain &amp; Snow"));
  CHECK(s.c.post(s.later.path() + "/untrash").status == 404);
  CHECK(s.c.get("/merges").says("Rain &amp; Snow"));

  CHECK(s.c.post("/duplicates/merge", s.merge_form()).status == 404);  // the other one is not there any more
  reply back = s.c.post(undo_in(bar));
  REQUIRE(back.status == 303);
  CHECK(says(bar_of(s.c, back), "Both books are back as they were."));
  CHECK(s.w.number("select count(*) from books where deleted_at is null") == 2);
  CHECK(says(s.errata(), "\"kind\":\"duplicate\""));
  CHECK_FALSE(s.c.get("/merges").says("Rain &amp; Snow"));
}

TEST_CASE("both are kept, and that is taken back in the bar") {
  stage s;
  reply kept = s.c.post("/duplicates/both", {{"book", s.later.id.text()}, {"other", s.older.id.text()}});
  REQUIRE(kept.status == 303);
  CHECK_FALSE(says(s.errata(), "\"kind\":\"duplicate\""));
  std::string bar = bar_of(s.c, kept);
  CHECK(s.c.post(undo_in(bar), {{"other", s.older.id.text()}}).status == 303);
  CHECK(says(s.errata(), "\"kind\":\"duplicate\""));
  CHECK(s.c.post("/duplicates/both", {{"book", "x"}, {"other", s.older.id.text()}}).status == 404);
}

TEST_CASE("only who may curate, and sees both, merges") {
  stage s;
  std::string path = "/books/" + s.older.id.text() + "/merge", body = R"({"books":[")" + s.later.id.text() + "\"]}";
  for (std::string name : {"reader", "limited", "other"}) {
    client c = s.w.as(name);
    CHECK(c.post("/duplicates/merge", s.merge_form()).status == 404);
    CHECK(c.post("/duplicates/both", {{"book", s.later.id.text()}, {"other", s.older.id.text()}}).status == 404);
    CHECK(c.api("POST", path, body).status == 404);
  }
  CHECK(s.w.anonymous().api("POST", path, body).status == 401);
  REQUIRE(s.c.api("POST", path, body).status == 200);
  std::string undo = "/merges/" + s.c.api("POST", path, body).text("merge") + "/undo";
  for (std::string name : {"reader", "limited", "other"}) {
    client c = s.w.as(name);
    CHECK(c.api("POST", undo).status == 404);
    CHECK(c.post(undo).status == 404);
  }
  CHECK(s.w.number("select count(*) from books where deleted_at is null") == 1);
}

TEST_CASE("the API merges and takes back, twice is once, and old addresses answer") {
  stage s;
  std::string path = "/books/" + s.older.id.text() + "/merge", body = R"({"books":[")" + s.later.id.text() + "\"]}";
  reply merged = s.c.api("POST", path, body);
  REQUIRE(merged.status == 200);
  CHECK(merged.says("\"merged\":[\"" + s.later.id.text() + "\"]"));
  CHECK(merged.says("\"files\":1"));
  reply again = s.c.api("POST", path, body);
  CHECK(again.says("\"merged\":[]"));
  CHECK(again.text("merge") == merged.text("merge"));

  CHECK(s.c.api("GET", s.later.path()).text("id") == s.older.id.text());
  CHECK(s.w.as("reader").api("GET", s.later.path()).text("id") == s.older.id.text());
  std::string file = "/files/" + s.later.file.text();
  CHECK(s.c.api("GET", s.later.path() + file).status == 200);
  CHECK(s.c.api("GET", s.older.path() + file).status == 200);
  made_book third = s.w.add_book("Fog");
  CHECK(s.c.api("GET", third.path() + file).status == 404);

  std::string undo = "/merges/" + merged.text("merge") + "/undo";
  reply back = s.c.api("POST", undo);
  REQUIRE(back.status == 200);
  CHECK(back.says("\"restored\":[\"" + s.later.id.text() + "\"]"));
  CHECK(back.says("\"left\":[]"));
  CHECK(s.c.api("POST", undo).says("\"restored\":[]"));
  CHECK(s.c.api("GET", s.later.path()).text("id") == s.later.id.text());
  CHECK(s.c.api("GET", s.older.path() + file).status == 404);
}

TEST_CASE("what is not usable is refused and changes nothing") {
  stage s;
  std::string path = "/books/" + s.older.id.text() + "/merge";
  for (const char* body : {R"({"books":[]})", R"({"books":"x"})", R"({})", R"({"books":[1]})"})
    CHECK(s.c.api("POST", path, body).status == 422);
  CHECK(s.c.api("POST", path, R"({"books":["x"]})").status == 404);
  CHECK(s.c.api("POST", path, R"({"books":[")" + s.older.id.text() + "\"]}").status == 422);
  CHECK(s.c.api("POST", path, R"({"books":[")" + s.later.id.text() + R"("],"act":"swallow"})").status == 422);
  CHECK(s.c.api("POST", path, R"({"books":[")" + s.later.id.text() + R"("],"act":7})").status == 422);
  CHECK(s.c.api("POST", path, R"({"books":[")" + uuid::make().text() + "\"]}").status == 404);
  CHECK(s.c.api("POST", "/merges/" + uuid::make().text() + "/undo").status == 404);
  CHECK(s.w.number("select count(*) from books where deleted_at is null") == 2);

  // One after the other is taken apart in the other order.
  made_book third = s.w.add_book("Fog");
  std::string first = s.c.api("POST", path, R"({"books":[")" + s.later.id.text() + "\"]}").text("merge");
  REQUIRE(s.c.api("POST", "/books/" + third.id.text() + "/merge", R"({"books":[")" + s.older.id.text() + "\"]}").status == 200);
  reply early = s.c.api("POST", "/merges/" + first + "/undo");
  CHECK(early.status == 409);
  CHECK(early.says("\"later\""));
  CHECK(s.c.post("/merges/" + first + "/undo").status == 409);
  CHECK(s.c.api("GET", s.later.path()).text("id") == third.id.text());
}

TEST_CASE("a merge whose book lies in the trash says so instead of that there is none") {
  stage s;
  std::string path = "/books/" + s.older.id.text() + "/merge";
  std::string merge = s.c.api("POST", path, R"({"books":[")" + s.later.id.text() + "\"]}").text("merge");
  REQUIRE(s.c.api("DELETE", "/books/" + s.older.id.text()).status < 300);
  reply refused = s.c.api("POST", "/merges/" + merge + "/undo");
  CHECK(refused.status == 409);
  CHECK(refused.says("\"trashed\""));
  reply page = s.c.post("/merges/" + merge + "/undo");
  CHECK(page.status == 409);
  CHECK(page.says("lies in the trash"));
  CHECK(s.w.as("reader").api("POST", "/merges/" + merge + "/undo").status != 409);
}
