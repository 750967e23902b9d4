// Kinds of errata: how many, how old, put off, ignored; and what books lack (product.md 4.9).

#include <catch2/catch.hpp>

#include "tests/integration/web/world.hpp"

using namespace carrel;
using namespace carrel::web::tests;

namespace {

std::string about_in(const reply& r) {
  std::string to = r.header("Location");
  std::size_t at = to.find("about=");
  return at == std::string::npos ? "" : to.substr(at + 6, 36);
}

void sql(world& w, const db::statement& s) {
  w.write([&](db::tx& tx) { tx.run(s); });
}

void enable_sources(world& w) { CHECK(w.as("owner").post("/admin/sources", {{"enabled", "on"}}).status == 303); }

}  // namespace

TEST_CASE("a kind of errata says what it is, how many there are and how old the oldest is") {
  world w;
  w.fail_item(w.reader, "one.epub");
  w.fail_item(w.reader, "two.epub");
  static constexpr db::statement older{
      "test.older_item", "update ingest_items set created_at = '2026-01-02T03:04:05Z' where display_name = 'one.epub'"};
  sql(w, older);
  reply r = w.as("reader").get("/errata");
  CHECK(r.says("Files that could not be taken in <span class=\"count\">2</span>"));
  CHECK(r.says("The oldest is from <time datetime=\"2026-01-02T03:04:05Z\""));
  CHECK_FALSE(r.says("Put off and ignored"));
}

TEST_CASE("what failed, and what is missing, is listed to its end, fifty at a time") {
  world w;
  for (int i = 0; i < 53; ++i) w.fail_item(w.reader, "file " + std::to_string(100 + i) + ".epub");
  client reader = w.as("reader");
  CHECK(reader.get("/errata").says("/errata/kinds/failed\""));
  reply first = reader.get("/errata/kinds/failed");
  CHECK(first.says("file 152.epub"));
  CHECK_FALSE(first.says("file 102.epub"));
  std::size_t at = first.body.find("?after=");
  REQUIRE(at != std::string::npos);
  reply second = reader.get("/errata/kinds/failed" + first.body.substr(at, 7 + 36));
  CHECK(second.says("file 102.epub"));
  CHECK(second.says("file 100.epub"));
  CHECK_FALSE(second.says("file 103.epub"));
  CHECK(first.says("rel=\"next\""));
  CHECK_FALSE(second.says("rel=\"next\""));

  made_book book = w.add_book("The Lost Harbour");
  static constexpr db::statement gone{"test.file_gone", "update book_files set missing_since = now()"};
  sql(w, gone);
  CHECK(w.as("owner").get("/errata/kinds/missing").says("The Lost Harbour"));
  CHECK_FALSE(w.as("owner").get("/errata").says("/errata/kinds/missing\""));  // all are on the page
  CHECK(reader.get("/errata/kinds/missing").status == 404);
  CHECK(reader.get("/errata/kinds/nonsense").status == 404);
  CHECK(reader.get("/errata/kinds/failed?after=nonsense").status == 200);
}

TEST_CASE("more of a kind than is shown is counted") {
  world w;
  for (int i = 0; i < 53; ++i) w.fail_item(w.reader, "broken.epub");
  CHECK(w.as("reader").get("/errata").says("<span class=\"count\">53</span>"));
}

TEST_CASE("a kind is put off for a time, which can be taken back") {
  world w;
  w.fail_item(w.reader, "mine.epub");
  client c = w.as("reader");
  CHECK(c.get("/").says("<b>1</b>"));
  reply put_off = c.post("/errata/kinds/failed/put-off", {{"days", "7"}});
  REQUIRE(put_off.status == 303);
  reply page = c.get(put_off.header("Location"));
  CHECK(page.says("Put off."));
  CHECK_FALSE(page.says("mine.epub"));
  CHECK(page.says("Put off and ignored"));
  std::size_t until = page.body.find("Put off until");
  REQUIRE(until != std::string::npos);
  CHECK(page.body.find("just now", until) == std::string::npos);  // it is a day to come
  CHECK(c.api("GET", "/errata").says("\"items\":[]"));
  CHECK_FALSE(c.get("/").says("<b>1</b>"));
  // It is the reader's own: others see what they saw.
  CHECK(w.as("librarian").get("/errata").says("mine.epub"));
  CHECK(w.number("select count(*) from audit where action = 'errata.put_off' and detail ->> 'kind' = 'failed'") == 1);

  std::string again = "/errata/quiet/" + about_in(put_off) + "/show";
  CHECK(w.as("other").post(again).status == 404);
  CHECK(c.post(again).status == 303);
  CHECK(c.get("/errata").says("mine.epub"));
  CHECK(c.post(again).status == 404);
  CHECK(w.number("select count(*) from audit where action = 'errata.shown_again'") == 1);
}

TEST_CASE("what was put off comes back by itself") {
  world w;
  w.fail_item(w.reader, "mine.epub");
  client c = w.as("reader");
  CHECK(c.post("/errata/kinds/failed/put-off", {{"days", "1"}}).status == 303);
  CHECK_FALSE(c.get("/errata").says("mine.epub"));
  static constexpr db::statement over{"test.over", "update errata_quiet set until = now() - interval '1 second'"};
  sql(w, over);
  reply page = c.get("/errata");
  CHECK(page.says("mine.epub"));
  CHECK_FALSE(page.says("Put off and ignored"));
  CHECK(c.get("/").says("<b>1</b>"));
}

TEST_CASE("what is there is ignored with a note, and what comes later is shown") {
  world w;
  w.fail_item(w.reader, "old.epub");
  client c = w.as("reader");
  reply ignored = c.post("/errata/kinds/failed/ignore", {{"note", "<b>broken for years</b>"}});
  REQUIRE(ignored.status == 303);
  w.fail_item(w.reader, "new.epub");
  reply page = c.get(ignored.header("Location"));
  CHECK_FALSE(page.says("old.epub"));
  CHECK(page.says("new.epub"));
  CHECK(page.says("<span class=\"count\">1</span>"));
  CHECK(page.says("&lt;b&gt;broken for years"));
  CHECK(page.says("action=\"/errata/quiet/" + about_in(ignored) + "/show\""));
  CHECK(w.number("select count(*) from audit where action = 'errata.ignored'") == 1);
  CHECK(c.post("/errata/quiet/" + about_in(ignored) + "/show").status == 303);
  page = c.get("/errata");
  CHECK(page.says("old.epub"));
  CHECK_FALSE(page.says("broken for years"));
}

TEST_CASE("what libraries need is put off like every other kind") {
  world w;
  made_book book = w.add_book("The Open Harbour");
  static constexpr db::statement damaged{"test.damaged", "update book_files set damaged_since = now() where book_id = $1"};
  static constexpr db::statement away{"test.away", R"sql(
    insert into libraries (id, name, root, kind, trouble, trouble_since)
    values ('00000000-0000-7000-8000-00000000cafe', 'The shed', '/srv/shed', 'in_place', 'folder_unavailable', now()))sql"};
  static constexpr db::statement unread{"test.unread", R"sql(
    insert into library_files (library_id, place, ino, size, mtime_ns, state, code)
    values ('00000000-0000-7000-8000-00000000cafe', 'torn.epub', 1, 1, 1, 'refused', 'not_a_book'))sql"};
  static constexpr db::statement unmoved{"test.unmoved", R"sql(
    insert into organised_books (book_id, library_id, version, pattern, problem)
    values ($1, '00000000-0000-7000-8000-00000000cafe', 1, 'x', 'store_unwritable'))sql"};
  static constexpr db::statement writing{"test.writing", R"sql(
    with l as (insert into libraries (id, name, root, kind, write_back, write_fields)
               values ('00000000-0000-7000-8000-00000000beef', 'The tree', '/srv/tree', 'managed', 'side', '{title}') returning id),
         b as (update books set library_id = l.id from l where books.id = $1 returning books.id)
    select count(*) from b)sql"};
  static constexpr db::statement unwritten{"test.unwritten", R"sql(
    insert into written_books (book_id, library_id, choice, state, problem, detail)
    values ($1, '00000000-0000-7000-8000-00000000beef', 'side title', 'failed', 'file_changed', 'trees/x'))sql"};
  w.write([&](db::tx& tx) {
    tx.run(writing, book.id);
    tx.run(unwritten, book.id);
    tx.run(damaged, book.id);
    tx.run(away);
    tx.run(unread);
    tx.run(unmoved, book.id);
  });
  client c = w.as("librarian");
  CHECK(c.get("/").says("<b>5</b>"));
  int left = 5;
  for (auto [kind, id, issue] :
       {std::tuple{"damaged", "h-damaged", "damaged_file"}, std::tuple{"folders", "h-folders", "library_folder"},
        std::tuple{"places", "h-places", "unread_file"}, std::tuple{"unmoved", "h-unmoved", "unmoved_book"},
        std::tuple{"unwritten", "h-unwritten", "unwritten_book"}}) {
    INFO(kind);
    std::string heading = std::string("<h2 id=\"") + id + "\">";
    reply page = c.get("/errata");
    std::size_t at = page.body.find(heading);
    REQUIRE(at != std::string::npos);
    CHECK(page.body.find("<span class=\"count\">1</span></h2>", at) < at + 100);
    CHECK(c.api("GET", "/errata").says(issue));
    CHECK(c.post(std::string("/errata/kinds/") + kind + "/put-off", {{"days", "1"}}).status == 303);
    CHECK_FALSE(c.get("/errata").says(heading));
    CHECK_FALSE(c.api("GET", "/errata").says(issue));
    --left;
    CHECK(c.get("/").says("<b>" + std::to_string(left) + "</b>") == (left > 0));
  }
  CHECK_FALSE(w.as("reader").get("/errata").says("h-damaged"));
}

TEST_CASE("only what there is can be put off") {
  world w;
  client c = w.as("reader");
  CHECK(c.post("/errata/kinds/nonsense/put-off", {{"days", "7"}}).status == 404);
  CHECK(c.post("/errata/kinds/nonsense/ignore", {{"note", "x"}}).status == 404);
  for (const char* days : {"", "0", "-1", "8", "100000000000", "x"})
    CHECK(c.post("/errata/kinds/failed/put-off", {{"days", days}}).status == 404);
  CHECK(c.post("/errata/kinds/failed/ignore", {{"note", std::string("a\0b\xff", 4)}}).status == 303);
  CHECK(c.post("/errata/kinds/failed/ignore", {{"note", std::string(10'000, 'n')}}).status == 303);
  CHECK(w.number("select max(length(note)) from errata_quiet") == 500);
  CHECK(w.number("select count(*) from errata_quiet") == 2);
  CHECK(w.anonymous().post("/errata/kinds/failed/ignore", {{"note", "x"}}).status != 200);
  CHECK(w.number("select count(*) from errata_quiet") == 2);
}

TEST_CASE("books that lack something are counted by field, and the sources are asked about them") {
  world w;
  made_book harbour = w.add_book("The Open Harbour"), garden = w.add_book("A Winter Garden");
  static constexpr db::statement described{"test.described",
                                           "update books set description = 'Fog.' where title = 'A Winter Garden'"};
  sql(w, described);
  client c = w.as("librarian");
  reply page = c.get("/errata");
  CHECK(page.says("Books with gaps <span class=\"count\">2</span>"));
  CHECK(page.says("<a href=\"/books?missing=cover\">No cover</a></th><td>2</td>"));
  CHECK(page.says("<a href=\"/books?missing=description\">No description</a></th><td>1</td>"));
  CHECK_FALSE(page.says("missing=author"));
  CHECK_FALSE(page.says("Ask the metadata sources"));  // no source is switched on
  reply list = c.get("/books?missing=description");
  CHECK(list.says(harbour.path()));
  CHECK_FALSE(list.says(garden.path()));
  CHECK(c.api("GET", "/errata").says(R"("kind":"missing_metadata","id":"description")"));
  CHECK(c.post("/errata/metadata/ask", {{"field", "description"}}).status == 303);
  CHECK(w.number("select count(*) from metadata_jobs") == 0);

  enable_sources(w);
  CHECK(c.get("/errata").says("Ask the metadata sources"));
  CHECK(c.post("/errata/metadata/ask", {{"field", "description"}}).status == 303);
  CHECK(w.number("select count(distinct book_id) from metadata_jobs") == 1);
  CHECK(c.post("/errata/metadata/ask", {{"field", "title"}}).status == 303);
  CHECK(w.number("select count(distinct book_id) from metadata_jobs") == 1);
  CHECK(w.as("reader").post("/errata/metadata/ask", {{"field", "cover"}}).status == 404);
  CHECK_FALSE(w.as("reader").get("/errata").says("Books with gaps"));
}

TEST_CASE("highlights that have no place are counted and can be ignored") {
  world w;
  made_book book = w.add_book("The Open Harbour");
  static constexpr db::statement lost{"test.lost_highlight", R"sql(
    insert into annotations (id, user_id, entitlement, name) values (gen_random_uuid(), $1, gen_random_uuid(), 'n'))sql"};
  static constexpr db::statement placed{"test.placed_highlight", R"sql(
    insert into annotations (id, user_id, entitlement, name)
    select gen_random_uuid(), $1, entitlement, 'n' from books)sql"};
  static constexpr db::statement unreadable{"test.unreadable_highlight", R"sql(
    insert into annotation_leftovers (user_id, content, body) select $1, entitlement::text, '' from books)sql"};
  w.write([&](db::tx& tx) { tx.run(placed, w.reader); });
  client c = w.as("reader");
  CHECK(c.get("/errata").says("Nothing needs your eye."));
  w.write([&](db::tx& tx) {
    tx.run(lost, w.reader);
    tx.run(unreadable, w.reader);
  });
  reply page = c.get("/errata");
  CHECK(page.says("Highlights without a place <span class=\"count\">2</span>"));
  CHECK(page.says("1 highlight of a book that is not in the library."));
  CHECK(page.says("The Open Harbour"));
  CHECK(page.says("1 change could not be read."));
  CHECK(c.api("GET", "/errata").says("unplaced_highlights"));
  CHECK(w.as("other").get("/errata").says("Nothing needs your eye."));
  CHECK(c.post("/errata/kinds/highlights/ignore", {{"note", ""}}).status == 303);
  CHECK_FALSE(c.get("/errata").says("The Open Harbour"));
}
