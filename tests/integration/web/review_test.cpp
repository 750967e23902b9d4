// The inbox, what sources say of a book, and the history of its fields, as pages and over the API.

#include <catch2/catch.hpp>

#include "tests/integration/web/world.hpp"

using namespace carrel;
using namespace carrel::web::tests;

namespace {

constexpr db::statement sql_candidate{"test.web_candidate", R"sql(
  insert into book_metadata_candidates (id, book_id, source, source_key, normalized, confidence, reasons, score_detail)
  values ($1::uuid, $2, $3, ($1::uuid)::text, $4::jsonb, 0.92, '["no author"]', '{"title":0.5}'))sql"};
constexpr db::statement sql_twin{"test.twin", "update books set possible_duplicate_of = $2 where id = $1"};
constexpr db::statement sql_warn{"test.web_warn", R"sql(
  update book_files set warnings = '[{"code":"drm_protected","detail":"adept"},{"code":"new_code"}]' where book_id = $1)sql"};

struct desk : world {
  uuid candidate(const made_book& book, const std::string& normalized, const std::string& source = "open_library") {
    uuid id = uuid::make();
    write([&](db::tx& tx) { tx.run(sql_candidate, id, book.id, source, normalized); });
    return id;
  }
  std::string title(const made_book& book) { return text("select title from books where id = '" + book.id.text() + "'"); }
  std::string text(const std::string& sql) {
    db::statement s{sql.c_str(), sql.c_str()};
    return write([&](db::tx& tx) { return tx.run(s)[0].text(0); });
  }
  std::string status(const made_book& book) { return text("select status::text from books where id = '" + book.id.text() + "'"); }
};

std::string api(const made_book& book) { return "/books/" + book.id.text(); }

bool leads_to(const reply& r, const std::string& start) { return r.status == 303 && r.header("Location").find(start) == 0; }

// The value of the hidden field of that name in the first form that has one.
std::string hidden(const reply& r, const std::string& name) {
  std::string mark = "name=\"" + name + "\" value=\"";
  std::size_t at = r.body.find(mark);
  return at == std::string::npos ? "" : r.body.substr(at + mark.size(), r.body.find('"', at + mark.size()) - at - mark.size());
}

}  // namespace

TEST_CASE("the inbox shows the book, its file and place, warnings, its likely twin, and what each source says") {
  desk w;
  made_book there = w.add_book("The Harbour"), book = w.add_book("The Open Harbour", "review");
  w.candidate(
      book,
      R"({"title":"The <b>Deep</b> Harbour","publisher":"Pier Press","cover":{"url":"https://covers.test/1.jpg","width":800,"height":1200}})");
  w.write([&](db::tx& tx) {
    tx.run(sql_twin, book.id, there.id);
    tx.run(sql_warn, book.id);
  });
  reply page = w.as("librarian").get("/review");
  REQUIRE(page.status == 200);
  CHECK(page.says("The Open Harbour"));
  CHECK(page.says("92 % sure, by Open Library"));
  CHECK(page.says("It has no author."));
  CHECK(page.says("Title 50 %"));
  CHECK(page.says("original.epub"));
  CHECK(page.says("library/"));
  CHECK(page.says("copy-protected"));
  CHECK(page.says("(new_code)"));
  CHECK(page.says("href=\"" + there.path() + "\""));
  CHECK(page.says("The &lt;b&gt;Deep&lt;/b&gt; Harbour"));
  CHECK_FALSE(page.says("<b>Deep"));
  CHECK(page.says("800 × 1200 pixels"));
  CHECK_FALSE(page.says("covers.test"));  // nothing of others is linked into pages (metadata-providers.md 10.1)
  CHECK(w.as("librarian").get("/review?book=" + there.id.text()).says("<h2 id=\"h-item\" class=\"break\">The Open Harbour</h2>"));
  CHECK(w.as("librarian").get("/review?book=nonsense").status == 200);
}

TEST_CASE("chosen cells go into the book with its approval, in one step, and the next book follows") {
  desk w;
  made_book older = w.add_book("Older", "review"), book = w.add_book("The Open Harbour", "review");
  uuid from = w.candidate(book, R"({"title":"The Deep Harbour","publisher":"Pier Press"})");
  client c = w.as("librarian");
  reply page = c.get("/review");
  CHECK(hidden(page, "back") == "/review?book=" + older.id.text());
  reply stale = c.post(book.path() + "/metadata", {{"pick.title", uuid::make().text()}, {"act", "approve"}});
  CHECK(stale.status == 422);
  CHECK(c.post(book.path() + "/metadata", {{"pick.title", "x"}, {"act", "approve"}}).status == 422);
  CHECK(w.status(book) == "review");
  reply done = c.post(book.path() + "/metadata", {{"pick.title", from.text()},
                                                  {"pick.publisher", ""},
                                                  {"act", "approve"},
                                                  {"back", hidden(page, "back")},
                                                  {"stay", "review"}});
  CHECK(leads_to(done, "/review?book=" + older.id.text() + "&done=book.approved"));
  CHECK(w.status(book) == "organized");
  CHECK(w.title(book) == "The Deep Harbour");
  CHECK(w.number("select count(*) from books where publisher is not null") == 0);

  reply after = c.get(done.header("Location"));
  CHECK(after.says("action=\"" + book.path() + "/unapprove\""));
  // From wherever in the queue one has gone on to.
  std::string on = "/review?book=" + older.id.text() + "&after=T";
  CHECK(leads_to(c.post(book.path() + "/unapprove", {{"back", on}}), "/review?book=" + book.id.text() + "&after=T"));
  CHECK(w.status(book) == "review");
  CHECK(c.post(book.path() + "/unapprove").status == 409);
}

TEST_CASE("a whole column is taken, one field with lock, and the bar takes it back") {
  desk w;
  made_book book = w.add_book("The Open Harbour", "review");
  uuid from = w.candidate(book, R"({"title":"The Deep Harbour","publisher":"Pier Press"})");
  client c = w.as("owner");
  reply done = c.post(book.path() + "/metadata", {{"column", from.text()}, {"stay", "review"}});
  REQUIRE(leads_to(done, "/review?book=" + book.id.text() + "&done=book.taken"));
  CHECK(w.title(book) == "The Deep Harbour");
  reply page = c.get(done.header("Location"));
  CHECK(page.says("data-locked"));
  CHECK(page.says("action=\"" + book.path() + "/changes/undo\""));
  std::string group = hidden(page, "group");
  CHECK(leads_to(c.post(book.path() + "/changes/undo", {{"group", group}, {"back", "/review"}}),
                 "/review?book=" + book.id.text() + "&done=undone"));
  CHECK(w.title(book) == "The Open Harbour");
  CHECK(leads_to(c.post(book.path() + "/changes/undo", {{"group", group}}), book.path() + "?done=nothing_new"));
  CHECK(c.post(book.path() + "/changes/undo", {{"group", uuid::make().text()}}).status == 404);
  CHECK(leads_to(c.post(book.path() + "/metadata", {{"act", "take"}}), book.path() + "/metadata?done=nothing_new"));
}

TEST_CASE("several books are approved after a list of what will happen, each with its own line") {
  desk w;
  made_book there = w.add_book("There"), one = w.add_book("One", "review"), two = w.add_book("Two", "review");
  w.write([&](db::tx& tx) { tx.run(sql_twin, two.id, there.id); });
  client c = w.as("librarian");
  CHECK(leads_to(c.post("/review/approve"), "/review?done=review.nothing"));
  reply plan = c.post("/review/approve", {{"book", one.id.text()}, {"book", two.id.text()}, {"book", "x"}});
  REQUIRE(plan.status == 200);
  CHECK(plan.says("2 books go into the library. Nothing has been done yet."));
  CHECK(plan.says("It may be the same as There. Both stay."));
  CHECK(plan.says("library/"));
  CHECK(w.status(one) == "review");
  reply all = c.post("/review/approve", {{"page", "1"}, {"listed", one.id.text()}, {"listed", two.id.text()}});
  CHECK(all.says("2 books go"));

  reply done = c.post("/review/approve", {{"confirm", "1"},
                                          {"book", one.id.text()},
                                          {"book", two.id.text()},
                                          {"book", there.id.text()},
                                          {"book", uuid::make().text()}});
  REQUIRE(done.status == 200);
  CHECK(done.says("2 books are in the library now."));
  CHECK(done.says("2 books are not."));
  CHECK(done.says("It was in the library already."));
  CHECK(done.says("It is not there any more."));
  CHECK(w.status(one) == "organized");
  CHECK(w.status(two) == "organized");

  reply lately = c.get("/review/approved");
  CHECK(lately.says("by librarian"));
  CHECK(lately.says("action=\"" + two.path() + "/unapprove\""));
  CHECK(leads_to(c.post(two.path() + "/unapprove"), "/review?book=" + two.id.text() + "&done=book.unapproved"));
  CHECK(c.get("/review").says("href=\"" + there.path() + "\""));  // it may be a duplicate again
  CHECK_FALSE(c.get("/review/approved").says(two.path() + "/unapprove"));
}

TEST_CASE("a rejected book lies in the trash and comes back into the inbox") {
  desk w;
  made_book book = w.add_book("The Open Harbour", "review"), there = w.add_book("There");
  client c = w.as("librarian");
  CHECK(leads_to(c.post(book.path() + "/reject", {{"back", "/review"}}), "/review?done=book.rejected"));
  CHECK(c.get("/trash").says("The Open Harbour"));
  CHECK(c.post(there.path() + "/reject").status == 404);
  CHECK(leads_to(c.post(book.path() + "/untrash", {{"back", "/review"}}), "/review?book=" + book.id.text()));
  CHECK(w.status(book) == "review");
}

TEST_CASE("the book's page shows value, source and lock, locks and unlocks, and takes changes back") {
  desk w;
  made_book book = w.add_book("The Open Harbour");
  w.candidate(book, R"({"title":"The Deep Harbour"})");
  client c = w.as("librarian");
  reply page = c.get(book.path());
  CHECK(page.says("id=\"metadata\""));
  CHECK(page.says("Find better: 1 new suggestion"));
  CHECK(page.says("Nothing was changed yet."));
  CHECK_FALSE(w.as("reader").get(book.path()).says("id=\"metadata\""));

  CHECK(leads_to(c.post(book.path() + "/lock", {{"field", "title"}}), book.path() + "?done=field.locked"));
  CHECK(c.get(book.path()).says("Unlock<span class=\"unseen\"> Title</span>"));
  CHECK(c.get(book.path()).says("Title was locked"));
  CHECK(leads_to(c.post(book.path() + "/unlock", {{"field", "title"}}), book.path() + "?done=field.unlocked"));
  CHECK(c.post(book.path() + "/lock", {{"field", "nothing"}}).status == 404);

  CHECK(c.post(book.path() + "/edit", {{"title", "By hand"}}).status == 303);
  page = c.get(book.path());
  CHECK(page.says("Title: “The Open Harbour” became “By hand”"));
  CHECK(page.says("a person"));
  CHECK(c.post(book.path() + "/edit", {{"title", "Again"}}).status == 303);
  std::string older = w.text("select group_id::text from metadata_changes where new->>'value' = 'By hand' and field = 'title'");
  CHECK(leads_to(c.post(book.path() + "/changes/undo", {{"group", older}}), book.path() + "?done=change.overtaken"));
  CHECK(w.title(book) == "Again");
}

TEST_CASE("the metadata page compares, puts records aside, and pages through the history") {
  desk w;
  made_book book = w.add_book("The Open Harbour");
  uuid from = w.candidate(book, R"({"title":"The Deep Harbour"})");
  client c = w.as("librarian");
  std::string path = book.path() + "/metadata";
  CHECK(c.get(path).says("name=\"pick.title\" value=\"" + from.text() + "\""));
  reply aside = c.post(book.path() + "/candidates/" + from.text() + "/reject");
  CHECK(leads_to(aside, path + "?done=candidate.rejected"));
  CHECK_FALSE(c.get(path).says(from.text() + "\""));
  CHECK(c.post(book.path() + "/candidates/" + from.text() + "/reject").status == 404);
  CHECK(
      leads_to(c.post(book.path() + "/candidates/restore", {{"candidate", from.text()}, {"back", path}}), path + "?done=undone"));
  CHECK(c.get(path).says(from.text()));
  for (int i = 0; i < 51; ++i) c.post(book.path() + "/edit", {{"title", "Title " + std::to_string(i)}});
  reply page = c.get(path);
  CHECK_FALSE(page.says("became “Title 0”"));
  std::size_t next = page.body.find("rel=\"next\" href=\"");
  REQUIRE(next != std::string::npos);
  std::string query = page.body.substr(next + 17, page.body.find('"', next + 17) - next - 17);
  CHECK(c.get(path + query.substr(0, query.find('#'))).says("became “Title 0”"));
}

TEST_CASE("only those who look after books see and change any of this") {
  desk w;
  made_book book = w.add_book("The Open Harbour", "review"), there = w.add_book("There");
  uuid from = w.candidate(there, R"({"title":"The Deep Harbour"})");
  for (std::string name : {"reader", "limited"}) {
    client c = w.as(name);
    for (std::string path :
         {std::string("/review"), std::string("/review/approved"), there.path() + "/metadata", there.path() + "/covers/x"})
      CHECK(c.get(path).status == 404);
    for (std::string path :
         {there.path() + "/metadata", there.path() + "/lock", there.path() + "/unlock", there.path() + "/changes/undo",
          there.path() + "/candidates/restore", there.path() + "/candidates/" + from.text() + "/reject",
          there.path() + "/unapprove", book.path() + "/reject", std::string("/review/approve")})
      CHECK(c.post(path, {{"column", from.text()}, {"field", "title"}, {"book", book.id.text()}, {"confirm", "1"}}).status ==
            404);
    CHECK(c.api("POST", api(there) + "/candidates/" + from.text() + "/apply").status == 404);
    CHECK(c.api("GET", api(there) + "/changes").status == 404);
    CHECK(c.api("POST", api(there) + "/changes/" + from.text() + "/undo").status == 404);
    CHECK(c.api("PUT", api(there) + "/locks/title").status == 404);
    CHECK(c.api("DELETE", api(there) + "/locks/title").status == 404);
  }
  CHECK(w.anonymous().api("GET", api(there) + "/changes").status == 401);
  client c = w.as("librarian");
  CHECK(c.post(there.path() + "/metadata", {{"csrf", "wrong"}, {"column", from.text()}}).status == 403);
  CHECK(w.title(there) == "There");
  CHECK(w.status(book) == "review");
  CHECK(w.number("select count(*) from metadata_changes") == 0);
}

TEST_CASE("over the API a candidate's fields are taken, listed as changes, and taken back") {
  desk w;
  made_book book = w.add_book("The Open Harbour");
  uuid from = w.candidate(book, R"({"title":"The Deep Harbour","publisher":"Pier Press","subtitle":"A Novel"})");
  client c = w.as("librarian");
  std::string apply = api(book) + "/candidates/" + from.text() + "/apply";
  CHECK(c.api("POST", apply, R"({"fields":["title",1]})").status == 422);
  CHECK(c.api("POST", apply, R"({"fields":[]})").status == 422);
  CHECK(c.api("POST", apply, R"({"fields":["status"]})").status == 422);
  CHECK(c.api("POST", apply, "[").status == 400);
  CHECK(c.api("POST", api(book) + "/candidates/" + uuid::make().text() + "/apply").status == 404);
  CHECK(c.api("PUT", api(book) + "/locks/subtitle").status == 204);
  CHECK(c.api("PUT", api(book) + "/locks/nothing").status == 404);

  reply taken = c.api("POST", apply, R"({"fields":["title"]})");
  REQUIRE(taken.status == 200);
  CHECK(taken.says(R"("applied":["title"])"));
  CHECK(taken.says(R"("title":"The Deep Harbour")"));
  std::string group = taken.text("group");
  CHECK(c.api("POST", apply, R"({"fields":["title"]})").says(R"("group":null)"));
  reply rest = c.api("POST", apply);
  CHECK(rest.says(R"("applied":["publisher"])"));  // the title is locked since, the subtitle was before

  reply changes = c.api("GET", api(book) + "/changes?limit=1");
  REQUIRE(changes.status == 200);
  CHECK(changes.says(R"("field":"publisher","before":{"value":"","source":null,"locked":false})"));
  CHECK(changes.says(R"("after":{"value":"Pier Press","source":"open_library","locked":true},"candidate":")" + from.text()));
  reply next = c.api("GET", api(book) + "/changes?limit=1&after=" + changes.text("next"));
  CHECK(next.says(group));
  CHECK(c.api("GET", api(book) + "/changes?after=x").status == 400);

  reply undone = c.api("POST", api(book) + "/changes/" + group + "/undo");
  REQUIRE(undone.status == 200);
  CHECK(undone.text("title") == "The Open Harbour");
  reply again = c.api("POST", api(book) + "/changes/" + group + "/undo");
  CHECK(again.status == 409);
  CHECK(again.says("\"code\":\"already\""));
  CHECK(c.api("PATCH", api(book), R"({"publisher":"Mine"})").status == 200);
  reply late = c.api("POST", api(book) + "/changes/" + rest.text("group") + "/undo");
  CHECK(late.status == 409);
  CHECK(late.says("\"code\":\"overtaken\""));
  CHECK(c.api("DELETE", api(book) + "/locks/subtitle").status == 204);
  CHECK(w.number("select count(*) from books where 'subtitle' = any (locked_fields)") == 0);
}
