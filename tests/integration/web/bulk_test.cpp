#include <catch2/catch.hpp>

#include "library/bulk.hpp"
#include "library/shelf.hpp"
#include "tests/integration/web/world.hpp"

using namespace carrel;
using namespace carrel::web::tests;

namespace {

std::string location_path(const reply& r) { return r.header("Location").substr(0, r.header("Location").find('?')); }

// What a worker does.
void work(world& w, const std::string& run, const uuid& viewer) {
  uuid id = uuid::parse(run).value();
  for (int i = 0; i < 1000; ++i) {
    std::optional<library::bulk_run> r = w.write([&](db::tx& tx) { return library::step_bulk(tx, id, viewer); });
    REQUIRE(r);
    if (r->at_rest()) return;
  }
  FAIL("the run never came to rest");
}

std::int64_t number(const reply& r, const std::string& name) {
  std::int64_t n = -1;
  r.json().take(name, n);
  return n;
}

std::string title_of(client& c, const made_book& b) { return c.api("GET", b.path()).text("title"); }
std::string publisher_of(client& c, const made_book& b) { return c.api("GET", b.path()).text("publisher"); }

std::string csv_of(const std::vector<std::vector<std::string>>& rows) {
  std::string out;
  for (const auto& row : rows) {
    for (std::size_t i = 0; i < row.size(); ++i) out += (i > 0 ? "," : "") + row[i];
    out += "\r\n";
  }
  return out;
}

}  // namespace

TEST_CASE("a selection is edited on pages: chosen, said, previewed, run, taken back") {
  world w;
  made_book a = w.add_book("The Open Harbour"), b = w.add_book("The Closed Harbour"), other = w.add_book("Hill");
  client c = w.as("librarian");
  reply list = c.get("/books?select=1");
  CHECK(list.says("name=\"book\" value=\"" + a.id.text() + "\" form=\"pick\""));
  CHECK(list.says("id=\"pick\""));
  CHECK_FALSE(c.get("/books").says("form=\"pick\""));

  reply chosen = c.post("/bulk", {{"act", "edit"}, {"book", a.id.text()}, {"book", b.id.text()}});
  REQUIRE(chosen.status == 303);
  std::string run = location_path(chosen);
  CHECK(c.get(run).says("2 books chosen"));
  reply wrong = c.post(run + "/plan", {{"op_published", "set"}, {"value_published", "soon"}});
  CHECK(wrong.status == 422);
  CHECK(wrong.says("value=\"soon\""));
  CHECK(wrong.says("id=\"wrong_published\""));
  REQUIRE(c.post(run + "/plan",
                 {{"op_publisher", "set"}, {"value_publisher", "Gale & Sons"}, {"op_tags", "add"}, {"value_tags", "Sea, Night"}})
              .status == 303);
  reply preview = c.get(run);
  CHECK(preview.says("2 books will change"));
  CHECK(preview.says("Gale &amp; Sons"));
  CHECK(preview.says("The Closed Harbour"));
  CHECK(publisher_of(c, a).empty());

  REQUIRE(c.post(run + "/run").status == 303);
  CHECK(w.number("select count(*) from jobs where kind = 'bulk.run'") == 1);
  work(w, run.substr(6), w.librarian);
  CHECK(publisher_of(c, a) == "Gale & Sons");
  CHECK(publisher_of(c, b) == "Gale & Sons");
  CHECK(publisher_of(c, other).empty());
  CHECK(c.get(run).says("2 books changed"));
  CHECK(c.post(run + "/run").status == 409);

  REQUIRE(c.post(run + "/undo").status == 303);
  work(w, run.substr(6), w.librarian);
  CHECK(publisher_of(c, a).empty());
  CHECK(w.number("select count(*) from books where locked_fields <> '{}'") == 0);
  CHECK(c.get("/bulk").says("taken back"));
}

TEST_CASE("all that match means all, and only what the person sees") {
  world w;
  for (int i = 0; i < 60; ++i) w.add_book("Harbour " + std::to_string(i));
  w.add_book("Hill");
  client c = w.as("owner");
  reply r = c.post("/bulk", {{"act", "trash"}, {"all", "1"}, {"where", "q=harbour&view=table&sort=title"}});
  REQUIRE(r.status == 303);
  std::string run = location_path(r);
  CHECK(c.get(run).says("60 books will change"));
  REQUIRE(c.post(run + "/run").status == 303);
  work(w, run.substr(6), w.owner);
  CHECK(w.number("select count(*) from books where deleted_at is null") == 1);
  REQUIRE(c.post(run + "/undo").status == 303);
  work(w, run.substr(6), w.owner);
  CHECK(w.number("select count(*) from books where deleted_at is null") == 61);
}

TEST_CASE("all that match are those of a state or with stars, and a filter that is not known is refused") {
  world w;
  made_book read = w.add_book("Read"), open = w.add_book("Open");
  w.add_book("Other");
  client c = w.as("owner");
  REQUIRE(c.api("PUT", "/books/" + read.id.text() + "/opinion", R"({"state":"read","rating":4})").status == 200);
  for (const char* where : {"state=read", "rating=3", "state=read&view=table"}) {
    reply r = c.post("/bulk", {{"act", "trash"}, {"all", "1"}, {"where", where}});
    REQUIRE(r.status == 303);
    CHECK(c.get(location_path(r)).says("1 book will change"));
  }
  std::string edit = R"("edits":[{"op":"set","field":"publisher","value":"Pier"}]})";
  reply made = c.api("POST", "/bulk", R"({"where":{"state":"read"},)" + edit);
  REQUIRE(made.status / 100 == 2);
  CHECK(w.number("select count(*) from bulk_items") > 0);
  CHECK(w.number("select count(*) from bulk_items i where not exists (select from opinions o where o.book_id = i.book_id)") == 0);
  for (const char* where : {R"({"stat":"read"})", R"({"state":"finished"})", R"({"rating":8})", R"({"publisher":""})",
                            R"({"publisher":"  ","state":"read"})", R"({"q":""})"})
    CHECK(c.api("POST", "/bulk", R"({"where":)" + std::string(where) + "," + edit).status == 422);
}

TEST_CASE("readers put books on their own shelves, and everything else is not there for them") {
  world w;
  made_book open = w.add_book("Open"), waiting = w.add_book("Waiting", "review");
  client reader = w.as("reader"), owner = w.as("owner"), limited = w.as("limited");
  uuid shelf = w.write([&](db::tx& tx) { return library::create_shelf(tx, w.reader, "Night", true).value().id; });
  for (const char* act : {"edit", "trash", "approve", "import", "nonsense", ""})
    CHECK(reader.post("/bulk", {{"act", act}, {"book", open.id.text()}}).status == 404);
  CHECK(limited.post("/bulk", {{"act", "shelf"}, {"shelf", shelf.text()}, {"book", open.id.text()}}).status == 404);
  CHECK(owner.post("/bulk", {{"act", "shelf"}, {"shelf", shelf.text()}, {"book", open.id.text()}}).status == 404);
  CHECK(reader.post("/bulk", {{"act", "shelf"}, {"shelf", shelf.text()}, {"book", waiting.id.text()}}).status == 404);
  CHECK(w.number("select count(*) from bulk_runs") == 0);
  for (const char* path : {"/bulk/import", "/attic", "/quarantine"}) CHECK(reader.get(path).status == 404);
  CHECK_FALSE(reader.get("/books?view=table").says("/cell"));
  CHECK(reader.post(open.path() + "/cell", {{"field", "title"}, {"title", "x"}}).status == 404);
  CHECK(reader.upload("/bulk/import", "x.csv", "id,title\n", {{"csrf", reader.csrf}}).status == 404);

  reply made = reader.post("/bulk", {{"act", "shelf"}, {"shelf", shelf.text()}, {"book", open.id.text()}});
  REQUIRE(made.status == 303);
  std::string run = location_path(made);
  CHECK(owner.get(run).status == 404);
  for (const char* act : {"/run", "/undo", "/cancel", "/go-on", "/drop", "/plan"}) CHECK(owner.post(run + act).status == 404);
  REQUIRE(reader.post(run + "/run").status == 303);
  work(w, run.substr(6), w.reader);
  CHECK(w.number("select count(*) from shelf_books") == 1);
}

TEST_CASE("a cell is opened, saved and refused where it stands") {
  world w;
  made_book book = w.add_book("The Open Harbour");
  client c = w.as("librarian");
  std::string id = book.id.text(), list = "?view=table&col=publisher&col=published&col=series&q=harbour";
  reply table = c.get("/books" + list);
  CHECK(table.says("<td id=\"c-" + id + "-publisher\">"));
  CHECK(table.says("cell=" + id + ".publisher#c-" + id + "-publisher"));
  CHECK_FALSE(table.says("<td id=\"c-" + id + "-languages\">"));
  reply open = c.get("/books" + list + "&cell=" + id + ".publisher");
  CHECK(open.says("action=\"/books/" + id + "/cell?view=table"));
  CHECK(open.says("name=\"publisher\""));

  reply saved = c.post("/books/" + id + "/cell" + list, {{"field", "publisher"}, {"publisher", "Gale"}});
  REQUIRE(saved.status == 303);
  CHECK(saved.header("Location").find("/books?view=table&col=publisher") == 0);
  CHECK(publisher_of(c, book) == "Gale");
  CHECK(c.get("/books" + list).says("locked,"));

  reply refused = c.post("/books/" + id + "/cell" + list, {{"field", "published"}, {"published", "<soon>"}});
  CHECK(refused.status == 422);
  CHECK(refused.says("value=\"&lt;soon&gt;\""));
  CHECK(refused.says("id=\"cell-wrong\""));
  // Script puts good answers in place only.
  reply by_script = c.send("POST", "/books/" + id + "/cell" + list,
                           form_text({{"csrf", c.csrf}, {"field", "published"}, {"published", "soon"}}),
                           {{"Content-Type", "application/x-www-form-urlencoded"}, {"HX-Request", "true"}});
  CHECK(by_script.status == 200);
  CHECK(by_script.says("id=\"cell-wrong\""));

  CHECK(c.post("/books/" + id + "/cell" + list, {{"field", "series"}, {"series", "Lights"}, {"series_index", "2,5"}}).status ==
        303);
  CHECK(w.number("select count(*) from books where series_index = 2.5") == 1);
  CHECK(c.post("/books/" + id + "/cell", {{"field", "added"}, {"added", "x"}}).status == 404);
  CHECK(c.post("/books/" + id + "/cell", {{"field", "status"}, {"status", "inbox"}}).status == 404);
}

TEST_CASE("what foreign hands send to bulk pages ends in an answer, and changes nothing") {
  world w;
  made_book book = w.add_book("The Open Harbour");
  client c = w.as("owner");
  std::string bad("\xff\xfe", 2), long_text(50'000, 'x');
  for (const std::string& value :
       {bad, long_text, std::string("' or 1=1 --"), std::string("<script>"), std::string("-1"), std::string("%00")}) {
    for (const char* act : {"edit", "shelf", "trash", "approve"}) {
      CHECK(c.post("/bulk", {{"act", act}, {"book", value}, {"shelf", value}}).status < 500);
      CHECK(c.post("/bulk", {{"act", act}, {"all", "1"}, {"where", "shelf=" + value + "&q=" + value}, {"shelf", value}}).status <
            500);
    }
    CHECK(c.post("/books/" + book.id.text() + "/cell?cell=" + std::string("x.y"), {{"field", value}, {"title", value}}).status !=
          303);
    CHECK(c.get("/books?view=table&cell=" + std::string("nonsense.title") + "&col=nonsense").status == 200);
    CHECK(c.get("/attic?after=1." + std::string("zz")).status == 200);
    CHECK(c.get("/bulk/" + uuid::make().text() + "?after=x").status != 303);
  }
  CHECK(c.post("/bulk", {{"act", "edit"}}).status == 422);
  CHECK(c.post("/bulk", {{"csrf", "wrong"}, {"act", "trash"}, {"book", book.id.text()}}).status == 403);
  CHECK(c.upload("/bulk/import", "x.csv", "id,title\n", {{"csrf", "wrong"}}).status == 403);
  CHECK(w.number("select count(*) from books where deleted_at is null") == 1);
  CHECK(title_of(c, book) == "The Open Harbour");
}

TEST_CASE("programs preview, run and undo, with their scope and their own runs only") {
  world w;
  made_book a = w.add_book("One"), b = w.add_book("Two");
  client c = w.as("owner"), librarian = w.as("librarian"), reader = w.as("reader");
  std::string wish =
      R"({"books":[")" + a.id.text() + R"(",")" + b.id.text() +
      R"("],"edits":[{"op":"set","field":"publisher","value":"Gale"},{"op":"add","field":"tags","value":["Night"]}]})";
  CHECK(reader.api("POST", "/bulk", wish).status == 404);
  reply made = c.api("POST", "/bulk", wish);
  REQUIRE(made.status == 201);
  CHECK(made.text("state") == "ready");
  CHECK(number(made, "to_change") == 2);
  std::string run = "/bulk/" + made.text("id");
  CHECK(librarian.api("GET", run).status == 404);
  CHECK(librarian.api("POST", run + "/run").status == 404);
  reply page = c.api("GET", run + "/changes?limit=3");
  REQUIRE(page.status == 200);
  std::string next = page.text("next");
  CHECK_FALSE(next.empty());
  CHECK(c.api("GET", run + "/changes?limit=3&after=" + next).text("next").empty());
  CHECK(c.api("GET", run + "/changes?after=nonsense").status == 400);
  CHECK(c.api("POST", run + "/undo").status == 409);
  CHECK(c.api("POST", run + "/run").status == 202);
  work(w, made.text("id"), w.owner);
  CHECK(publisher_of(c, a) == "Gale");
  CHECK(c.api("DELETE", run).status == 409);
  CHECK(c.api("POST", run + "/undo").status == 202);
  work(w, made.text("id"), w.owner);
  CHECK(publisher_of(c, a).empty());
  CHECK(c.api("GET", run).text("state") == "undone");
  CHECK(c.api("GET", "/bulk").json().find("items")->as_array()->size() == 1);
}

TEST_CASE("wishes that make no sense are refused by name") {
  world w;
  made_book a = w.add_book("One");
  client c = w.as("owner");
  std::string books = R"("books":[")" + a.id.text() + R"("])", edits = R"("edits":[{"op":"clear","field":"tags"}])";
  for (const std::string& wish :
       {std::string("{}"), "{" + books + "}", "{" + edits + "}", "{" + books + R"(,"where":{},)" + edits + "}",
        R"({"books":[],)" + edits + "}", R"({"books":["x"],)" + edits + "}", R"({"where":{"q":1},)" + edits + "}",
        R"({"where":{"shelf":"x"},)" + edits + "}", "{" + books + R"(,"edits":[{"op":"clear","field":"title"}]})",
        "{" + books + R"(,"edits":[{"op":"set","field":"published","value":"soon"}]})"}) {
    INFO(wish);
    CHECK(c.api("POST", "/bulk", wish).status == 422);
  }
  CHECK(c.api("POST", "/bulk", R"({"act":"nonsense",)" + books + "}").status == 422);
  CHECK(c.api("POST", "/bulk", R"({"act":"shelf","shelf":")" + uuid::make().text() + "\"," + books + "}").status == 404);
  CHECK(c.api("POST", "/bulk", R"({"where":{"shelf":")" + uuid::make().text() + "\"}," + edits + "}").status == 404);
  CHECK(c.api("POST", "/bulk", R"({"books":[")" + uuid::make().text() + "\"]," + edits + "}").status == 404);
  CHECK(w.number("select count(*) from bulk_runs") == 0);
  reply nothing = c.api("POST", "/bulk", R"({"where":{"q":"nothing has this"},)" + edits + "}");
  CHECK(nothing.status == 201);
  CHECK(number(nothing, "books") == 0);
}

TEST_CASE("a table that is saved and loaded unchanged differs in nothing, whatever titles hold") {
  world w;
  for (const char* title : {"=cmd|' /C calc'!A0", "+1", "-2", "@home", "'=quoted", "A; B \\ C", "Two, \"three\"", "Ünïcode ☕"})
    w.add_book(title, "organized", {"a;b", "c\\d"});
  client c = w.as("owner");
  reply out = c.get("/books.csv");
  REQUIRE(out.status == 200);
  CHECK(out.header("Content-Disposition") == "attachment; filename=\"books.csv\"");
  CHECK_FALSE(out.says("\r\n=cmd"));
  CHECK(out.says("\"'=cmd|"));
  reply in = c.upload("/bulk/import", "books.csv", out.body, {{"csrf", c.csrf}});
  INFO(in.body);
  REQUIRE(in.status == 303);
  reply preview = c.get(location_path(in));
  CHECK(preview.says("0 books will change"));
  CHECK(preview.says("8 books stay as they are"));
}

TEST_CASE("a changed table shows its differences, then changes, and can be taken back") {
  world w;
  made_book a = w.add_book("One"), b = w.add_book("Two");
  client c = w.as("owner");
  REQUIRE(c.api("PATCH", b.path(), R"({"publisher":"By hand"})").status == 200);
  std::string table = csv_of({{"ID", "Title", "authors", "series", "series_index", "publisher", "notes"},
                              {a.id.text(), "Uno", "\"Ada Fenwick; Tomás Quill\"", "", "", "Gale", "mine"},
                              {b.id.text(), "Dos", "Ada Fenwick", "Coast", "3", "Gale", ""},
                              {uuid::make().text(), "Nobody", "", "", "", "", ""}});
  reply in = c.upload("/bulk/import", "books.csv", table, {{"csrf", c.csrf}});
  REQUIRE(in.status == 303);
  std::string run = location_path(in);
  reply preview = c.get(run);
  CHECK(preview.says("2 books will change"));
  CHECK(preview.says("1 field is locked"));
  CHECK(preview.says("There is no such book"));
  CHECK(title_of(c, a) == "One");
  REQUIRE(c.post(run + "/run").status == 303);
  work(w, run.substr(6), w.owner);
  CHECK(title_of(c, a) == "Uno");
  CHECK(publisher_of(c, a) == "Gale");
  CHECK(publisher_of(c, b) == "By hand");
  CHECK(w.number("select count(*) from books where series_id is null") == 1);
  CHECK(w.number("select count(*) from books where series_index = 3") == 1);
  REQUIRE(c.post(run + "/undo").status == 303);
  work(w, run.substr(6), w.owner);
  CHECK(title_of(c, a) == "One");
  CHECK(w.number("select count(*) from books where series_index = 2") == 2);
}

TEST_CASE("tables that cannot be read are refused with the line, and leave nothing behind") {
  world w;
  made_book a = w.add_book("One");
  client c = w.as("owner");
  std::string id = a.id.text();
  for (const std::string& table : std::vector<std::string>{
           std::string(), std::string("\0\1\2", 3), std::string("title\nx\n"), std::string("id\n" + id + "\n"),
           "id,series_index\n" + id + ",2\n", "id,title\nnonsense,x\n", "id,title\n" + id + ",x\n" + id + ",y\n",
           "id,title\n" + id + ",\"never closed\n", "id,title\n" + id + ",\xff\xfe\n"}) {
    INFO(table);
    CHECK(c.upload("/bulk/import", "x.csv", table, {{"csrf", c.csrf}}).status == 422);
  }
  CHECK(c.upload("/bulk/import", "x.csv", "id,title\n" + id + ",x\n" + id + ",y\n", {{"csrf", c.csrf}}).says("comes twice"));
  CHECK(w.number("select count(*) from bulk_runs") == 0);
  // A line that ends early says nothing about the rest; an empty title is no title.
  reply in = c.upload("/bulk/import", "x.csv", "id,title,publisher\n" + id + "\n", {{"csrf", c.csrf}});
  CHECK(c.get(location_path(in)).says("1 book stays as it is"));
  in = c.upload("/bulk/import", "x.csv", "id,title\n" + id + ",\n", {{"csrf", c.csrf}});
  CHECK(c.get(location_path(in)).says("1 book cannot be changed so"));
}

TEST_CASE("each account saves what it sees, and the filter of the list") {
  world w;
  w.add_book("Adult", "organized", {"Adult"});
  w.add_book("Waiting", "review");
  w.add_book("Open");
  client owner = w.as("owner"), limited = w.as("limited"), reader = w.as("reader");
  CHECK(owner.get("/books.csv?status=all").says("Waiting"));
  CHECK_FALSE(owner.get("/books.csv").says("Waiting"));
  CHECK_FALSE(reader.get("/books.csv?status=all").says("Waiting"));
  CHECK_FALSE(limited.get("/books.csv").says("Adult"));
  reply some = owner.get("/books.csv?q=open");
  CHECK(some.says("Open"));
  CHECK_FALSE(some.says("Adult,"));
}
