// What a reader thinks of a book, on pages and in the API (product.md 4.4, 4.5, 8).

#include <catch2/catch.hpp>

#include "tests/integration/web/world.hpp"

using namespace carrel;
using namespace carrel::web::tests;

namespace {

std::string target(const reply& r) { return r.header("Location").substr(0, r.header("Location").find('#')); }

std::string reading_of(const reply& r) {
  const json::object o = r.json();
  const json::value* v = o.find("reading");
  return v ? json::dump(*v) : "";
}

}  // namespace

TEST_CASE("the buttons of a book's page set state and stars, and the bar takes them back") {
  world w;
  made_book book = w.add_book("The Open Harbour");
  client c = w.as("reader");
  reply page = c.get(book.path());
  CHECK(page.says("name=\"state\" value=\"read\" aria-pressed=\"false\""));
  CHECK(page.says("name=\"state\" value=\"\" aria-pressed=\"true\""));

  reply said = c.post(book.path() + "/opinion", {{"state", "read"}});
  REQUIRE(said.status == 303);
  page = c.get(target(said));
  CHECK(page.says("name=\"state\" value=\"read\" aria-pressed=\"true\""));
  CHECK(page.says("action=\"" + book.path() + "/undo-opinion\""));
  CHECK(c.post(book.path() + "/opinion", {{"rating", "4"}}).status == 303);
  page = c.get(book.path());
  CHECK(page.says("4 of 5 stars</span>"));
  CHECK(page.says("name=\"rating\" value=\"3.5\""));  // half a star less
  CHECK(c.post(book.path() + "/opinion", {{"rating", "3.5"}}).status == 303);
  page = c.get(book.path());
  CHECK(page.says("3½ of 5 stars</span>"));
  CHECK(page.says("star half"));

  CHECK(c.post(book.path() + "/undo-opinion").status == 303);
  CHECK(c.get(book.path()).says("4 of 5 stars</span>"));
  CHECK(c.post(book.path() + "/undo-opinion").status == 404);  // once
  CHECK(c.post(book.path() + "/opinion", {{"rating", "0"}}).status == 303);
  CHECK_FALSE(c.get(book.path()).says("of 5 stars</span><button"));
}

TEST_CASE("days and review have a page of their own, which keeps what was typed when it is wrong") {
  world w;
  made_book book = w.add_book("The Open Harbour");
  client c = w.as("reader");
  CHECK(c.get(book.path() + "/opinion").says("Your view of The Open Harbour"));
  reply wrong =
      c.post(book.path() + "/opinion", {{"whole", "1"}, {"state", "read"}, {"finished", "yesterday"}, {"review", "Typed"}});
  CHECK(wrong.status == 422);
  CHECK(wrong.says("id=\"finished-wrong\""));
  CHECK(wrong.says(">Typed</textarea>"));
  wrong = c.post(book.path() + "/opinion", {{"whole", "1"}, {"started", "2021-05"}, {"finished", "2021-04"}});
  CHECK(wrong.status == 422);
  CHECK(wrong.says("The end is before the beginning."));
  CHECK(c.api("GET", book.path() + "/opinion").text("finished").empty());

  fields whole{{"whole", "1"},      {"state", "read"},          {"rating", "4.5"},
               {"started", "2021"}, {"finished", "2021-03-15"}, {"review", "A <b>fine</b> one.\r\n\r\nRead it."}};
  CHECK(c.post(book.path() + "/opinion", whole).status == 303);
  reply page = c.get(book.path());
  CHECK(page.says("A &lt;b&gt;fine&lt;/b&gt; one."));
  CHECK(page.says("<p>Read it.</p>"));
  CHECK(page.says("Begun: 2021 · Finished: March 15, 2021"));
  // The same again is no change, so there is nothing new to take back.
  reply same = c.post(book.path() + "/opinion", whole);
  CHECK(same.status == 303);
  CHECK(same.header("Location").find("done=") == std::string::npos);
}

TEST_CASE("nobody sees what another thinks of a book, the owner included, and what one does not see has no opinion") {
  world w;
  made_book book = w.add_book("The Open Harbour"), adult = w.add_book("Hidden", "organized", {"Adult"}),
            waits = w.add_book("Waits", "inbox");
  client c = w.as("reader");
  REQUIRE(c.api("PUT", book.path() + "/opinion", R"({"state":"abandoned","rating":0.5,"review":"Dull harbour"})").status == 200);
  for (const char* name : {"owner", "librarian", "other"}) {
    client o = w.as(name);
    CHECK_FALSE(o.get(book.path()).says("Dull harbour"));
    CHECK(reading_of(o.api("GET", book.path())) == R"({"state":"unread","rating":null})");
    CHECK(o.api("GET", book.path() + "/opinion").body.find("Dull") == std::string::npos);
    CHECK_FALSE(o.get("/books?state=abandoned").says("The Open Harbour"));
    CHECK(o.get("/books?state=unread").says("The Open Harbour"));
  }
  client limited = w.as("limited");
  for (const std::string& path : {adult.path(), waits.path(), "/books/" + uuid::make().text()}) {
    CHECK(limited.get(path + "/opinion").status == 404);
    CHECK(limited.post(path + "/opinion", {{"state", "read"}}).status == 404);
    CHECK(limited.post(path + "/undo-opinion").status == 404);
    CHECK(limited.api("GET", path + "/opinion").status == 404);
    CHECK(limited.api("PUT", path + "/opinion", R"({"state":"read"})").status == 404);
  }
  CHECK(w.number("select count(*) from opinions") == 1);
  CHECK(w.anonymous().post(book.path() + "/opinion", {{"state", "read"}}).status != 200);
}

TEST_CASE("a form without the token of its session changes nothing") {
  world w;
  made_book book = w.add_book("The Open Harbour");
  client c = w.as("reader");
  CHECK(c.post(book.path() + "/opinion", {{"csrf", "wrong"}, {"state", "read"}}).status == 403);
  CHECK(w.number("select count(*) from opinions") == 0);
}

TEST_CASE("the API sets and tells an opinion, and books say how they are to the caller") {
  world w;
  made_book book = w.add_book("The Open Harbour"), other = w.add_book("Other");
  client c = w.as("reader");
  reply put =
      c.api("PUT", book.path() + "/opinion", R"({"state":"read","rating":4.5,"started":"2021-03","finished":"2021-03-15"})");
  CHECK(put.status == 200);
  CHECK(put.body == R"({"state":"read","rating":4.5,"started":"2021-03","finished":"2021-03-15","review":null})");
  put = c.api("PUT", book.path() + "/opinion", R"({"rating":null})");
  CHECK(put.body == R"({"state":"read","rating":null,"started":"2021-03","finished":"2021-03-15","review":null})");
  CHECK(c.api("GET", book.path() + "/opinion").body == put.body);
  for (const char* bad :
       {R"({"state":"done"})", R"({"rating":6})", R"({"finished":"2021-02-31"})", R"({"likes":1})", R"({"finished":"2020"})"})
    CHECK(c.api("PUT", book.path() + "/opinion", bad).status == 422);
  CHECK(c.api("PUT", book.path() + "/opinion", "[]").status == 400);

  c.api("PUT", book.path() + "/opinion", R"({"rating":4.5})");
  CHECK(reading_of(c.api("GET", book.path())) == R"({"state":"read","rating":4.5})");
  CHECK(reading_of(c.api("GET", other.path())) == R"({"state":"unread","rating":null})");
  reply list = c.api("GET", "/books?state=read&rating=4.5");
  CHECK(list.says("The Open Harbour"));
  CHECK(list.says(R"("reading":{"state":"read","rating":4.5})"));
  CHECK_FALSE(list.says("\"Other\""));
  CHECK_FALSE(c.api("GET", "/books?rating=5").says("The Open Harbour"));
  CHECK(c.api("GET", "/books?state=unread").says("\"Other\""));
  CHECK(c.api("GET", "/books?state=nearly").status == 400);
  CHECK(c.api("GET", "/books?rating=nearly").status == 400);
}

TEST_CASE("the library page narrows to a state and stars, shows them, and keeps them from page to page") {
  world w;
  client c = w.as("reader");
  for (int i = 0; i < 53; ++i) {
    made_book book = w.add_book("Read " + std::to_string(i));
    REQUIRE(c.api("PUT", book.path() + "/opinion", R"({"state":"read","rating":4})").status == 200);
  }
  w.add_book("Never opened");
  reply page = c.get("/books?state=read&rating=3");
  CHECK(page.says("Read · ★★★★"));
  CHECK(page.says("At least 3 of 5 stars"));
  CHECK_FALSE(page.says("Never opened"));
  CHECK(page.says("state=read"));
  std::size_t at = page.body.find("rel=\"next\" href=\"");
  REQUIRE(at != std::string::npos);
  std::string next = page.body.substr(at + 17);
  next = next.substr(0, next.find('"'));
  for (std::size_t amp; (amp = next.find("&amp;")) != std::string::npos;) next.replace(amp, 5, "&");
  INFO(next);
  reply second = c.get("/books" + next);
  CHECK(second.status == 200);
  CHECK(second.says("Read 0"));
  CHECK_FALSE(second.says("Never opened"));
  CHECK(c.get("/books?rating=4.5").says("No book matches"));
  CHECK(c.get("/books?state=nonsense&rating=nonsense").says("Never opened"));  // what is no filter is none
  CHECK(c.get("/books?state=read&view=table").says("<span class=\"tag\">Read · ★★★★</span>"));
}

TEST_CASE("what the devices tell is shown beside what was said") {
  world w;
  made_book book = w.add_book("The Open Harbour");
  w.push(w.reader, book.document, 1);
  client c = w.as("reader");
  CHECK(c.get(book.path()).says("According to your devices: Read"));
  CHECK(reading_of(c.api("GET", book.path())) == R"({"state":"read","rating":null})");
  c.post(book.path() + "/opinion", {{"state", "unread"}});
  CHECK_FALSE(c.get(book.path()).says("According to your devices"));
  CHECK(reading_of(c.api("GET", book.path())) == R"({"state":"unread","rating":null})");
}
