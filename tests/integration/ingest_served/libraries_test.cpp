// Libraries over pages and the API of the program itself.

#include <catch2/catch.hpp>

#include "tests/integration/ingest/small_epub.hpp"
#include "tests/integration/ingest_served/served.hpp"

using namespace carrel;
using namespace carrel::ingest::served;
using ingest::test::epub;
using ingest::test::read;
using ingest::test::write;

namespace {

struct shelves {
  shelves() : root(fs::canonical(home.folder) / "tree") {
    fs::create_directories(root);
    home.environment.push_back("CARREL_LIBRARY_ROOTS=" + fs::canonical(home.folder).native());
    home.environment.push_back("CARREL_INGEST_POLL=1s");
    home.environment.push_back("CARREL_INGEST_SETTLE=1s");
    run.emplace(home);
  }
  web::tests::client& owner() { return run->owner; }
  std::string body(const std::string& kind) const {
    json::object o{{"name", "Tree"}, {"folder", root.native()}, {"kind", kind}};
    return json::dump(o);
  }
  std::int64_t books() { return home.number("select count(*) from books where deleted_at is null"); }

  house home;
  fs::path root;
  std::optional<service> run;
};

}  // namespace

TEST_CASE("a program adds a folder, its books are served from there, and what goes missing can be looked at again") {
  shelves s;
  std::string bytes = epub({.title = "X"});
  write(s.root / "a/x.epub", bytes);
  write(s.root / "bad.epub", "PK\3\4 nothing");
  web::tests::reply made = s.owner().api("POST", "/libraries", s.body("in_place"));
  INFO(made.body);
  REQUIRE(made.status == 201);
  std::string id = made.text("id");
  REQUIRE(eventually([&] { return s.books() == 1; }));
  CHECK(s.owner().api("POST", "/libraries", s.body("in_place")).status == 409);
  CHECK(s.owner().api("GET", "/libraries").says("\"books\":1"));

  std::string book = s.home.text("select id::text from books"), file = s.home.text("select id::text from book_files");
  web::tests::reply fetched = s.owner().get("/api/v1/books/" + book + "/files/" + file);
  CHECK(fetched.status == 200);
  CHECK(fetched.body == bytes);
  CHECK(s.owner().api("PUT", "/books/" + book + "/files/" + file, epub({.text = "New."})).text("error").empty());
  CHECK(read(s.root / "a/x.epub") == bytes);

  REQUIRE(eventually([&] { return s.owner().api("GET", "/errata").says("\"unread_file\""); }));
  web::tests::reply errata = s.owner().get("/errata");
  CHECK(errata.says("bad.epub"));
  std::string place = s.home.text("select id::text from library_files where state = 'refused'");
  CHECK(s.owner().post("/errata/places/" + place + "/dismiss").status == 303);
  CHECK_FALSE(s.owner().get("/errata").says("bad.epub"));
  CHECK(s.owner().post("/errata/places/" + place + "/undismiss").status == 303);
  CHECK(s.owner().post("/errata/places/" + place + "/again").status == 303);

  fs::rename(s.root / "a/x.epub", s.home.folder / "away.epub");
  CHECK(eventually([&] { return s.owner().api("GET", "/errata").says("\"missing_file\""); }));
  fs::rename(s.home.folder / "away.epub", s.root / "a/x.epub");
  CHECK(s.owner().post("/errata/files/" + file + "/look").status == 303);
  CHECK(s.home.number("select count(*) from book_files where missing_since is not null") == 0);

  CHECK(s.owner().api("POST", "/libraries/" + id + "/scan").status == 202);
  CHECK(s.owner().api("POST", "/libraries/" + id + "/verify").status == 202);
  CHECK(s.owner().api("POST", "/libraries/" + uuid::make().text() + "/scan").status == 404);
  CHECK(s.owner()
            .api("POST", "/libraries", json::dump(json::object{{"name", "E"}, {"folder", "/etc"}, {"kind", "in_place"}}))
            .status == 409);
  CHECK(s.owner().api("POST", "/libraries", json::dump(json::object{{"name", "E"}, {"kind", "in_place"}})).status == 422);
}

TEST_CASE("the page previews a folder, adds it, removes it and takes that back") {
  shelves s;
  write(s.root / "x.epub", epub({.title = "X"}));
  web::tests::fields form{{"name", "Tree"}, {"folder", s.root.native()}, {"kind", "in_place"}, {"pattern", "{title}"}};
  web::tests::fields preview = form;
  preview.emplace_back("step", "preview");
  web::tests::reply seen = s.owner().post("/libraries", preview);
  CHECK(seen.status == 200);
  CHECK(seen.says("<td>epub</td><td>1</td>"));
  CHECK(s.home.number("select count(*) from libraries") == 1);
  CHECK(s.owner().post("/libraries", {{"name", "E"}, {"folder", "/etc"}, {"kind", "in_place"}, {"step", "add"}}).status == 422);
  web::tests::reply added = s.owner().post("/libraries", form);
  CHECK(added.status == 303);
  REQUIRE(eventually([&] { return s.books() == 1; }));
  std::string id = s.home.text("select id::text from libraries where name = 'Tree'");
  CHECK(s.owner().get("/libraries").says(s.root.native()));
  CHECK(s.owner().post("/libraries/" + id + "/remove").header("Location").find("library.removed") != std::string::npos);
  CHECK(s.books() == 0);
  CHECK(fs::exists(s.root / "x.epub"));
  CHECK(s.owner().post("/libraries/" + id + "/restore").status == 303);
  CHECK(s.books() == 1);
  CHECK(s.owner().post("/libraries/00000000-0000-7000-8000-000000000001/remove").status == 404);
}

TEST_CASE("in a managed library the page shows what a pattern would do, sets it, and the bar sets it back") {
  shelves s;
  web::tests::reply made = s.owner().api("POST", "/libraries", s.body("managed"));
  REQUIRE(made.status == 201);
  std::string page = "/libraries/" + made.text("id");
  CHECK(s.owner().post(page + "/take-new").status == 303);
  CHECK(s.owner().upload("/api/v1/books", "x.epub", epub({.title = "X"}), {}, {{"X-CSRF-Token", s.owner().csrf}}).status == 202);
  REQUIRE(eventually([&] { return s.books() == 1; }));
  s.owner().post("/books/" + s.home.text("select id::text from books") + "/approve");
  fs::path first = s.root / "Ada Lark/X/X - Ada Lark.epub";
  auto moved = [&](const fs::path& to) {
    return eventually([&] { return fs::exists(to) && s.home.number("select count(*) from file_moves") == 0; },
                      std::chrono::seconds(60));
  };
  REQUIRE(moved(first));
  web::tests::reply seen = s.owner().post(page + "/pattern", {{"pattern", "{title}"}, {"step", "preview"}});
  CHECK(seen.status == 200);
  CHECK(seen.says("Ada Lark/X/X - Ada Lark.epub"));
  CHECK(seen.says("X.epub</td>"));
  CHECK(seen.says("type=\"hidden\" name=\"pattern\" value=\"{title}\""));
  CHECK_FALSE(s.owner().get(page).says("type=\"hidden\" name=\"pattern\""));  // what was not seen is not run
  CHECK(fs::exists(first));
  CHECK(s.owner().post(page + "/pattern", {{"pattern", "{nothing}"}}).status == 422);
  web::tests::reply set = s.owner().post(page + "/pattern", {{"pattern", "{title}"}});
  CHECK(set.status == 303);
  REQUIRE(moved(s.root / "X.epub"));
  CHECK(s.owner().get(set.header("Location")).says("name=\"pattern\" value=\"{author}/"));
  CHECK(s.owner().post(page + "/pattern", {{"pattern", "{author}/{title}"}}).status == 303);
  CHECK(moved(s.root / "Ada Lark/X.epub"));

  web::tests::reply dry = s.owner().api("POST", page + "/pattern", R"({"pattern":"{title}","dry_run":true})");
  CHECK(dry.status == 200);
  CHECK(dry.says("\"moved\":1"));
  CHECK(dry.says("\"from\":\"Ada Lark/X.epub\""));
  CHECK(s.owner().api("GET", page).text("pattern") == "{author}/{title}");
  CHECK(s.owner().api("POST", page + "/pattern", R"({"pattern":"{nothing}"})").status == 422);
  CHECK(s.owner().api("POST", page + "/pattern", "{}").status == 422);
  web::tests::reply run = s.owner().api("POST", page + "/pattern", R"({"pattern":"{title}"})");
  CHECK(run.status == 202);
  CHECK(run.text("kind") == "library.organise");
  CHECK(moved(s.root / "X.epub"));
  std::string store = "/libraries/00000000-0000-7000-8000-000000000001";
  CHECK(s.owner().api("POST", store + "/pattern", R"({"pattern":"{title}"})").status == 409);
  CHECK(s.owner().api("POST", "/libraries/" + uuid::make().text() + "/pattern", R"({"pattern":"{title}"})").status == 404);
  CHECK(s.owner().api("DELETE", store).status == 404);
  CHECK(s.owner().api("DELETE", page).status == 204);
  CHECK(s.owner().api("GET", page).status == 404);
  CHECK(s.books() == 0);
  CHECK(fs::exists(s.root / "X.epub"));
}

TEST_CASE("the page and the API choose what a managed library writes, say so before, and the bar takes it back") {
  shelves s;
  web::tests::reply made = s.owner().api("POST", "/libraries", s.body("managed"));
  REQUIRE(made.status == 201);
  std::string one = "/libraries/" + made.text("id"), page = one + "/write-back";
  CHECK(s.owner().post(one + "/take-new").status == 303);
  CHECK(s.owner().upload("/api/v1/books", "x.epub", epub({.title = "X"}), {}, {{"X-CSRF-Token", s.owner().csrf}}).status == 202);
  REQUIRE(eventually([&] { return s.books() == 1; }));
  std::string book = s.home.text("select id::text from books");
  s.owner().post("/books/" + book + "/approve");
  fs::path beside = s.root / "Ada Lark/X/metadata.opf";
  auto in_place = [&] { return s.home.number("select count(*) from organised_books") == 1; };
  REQUIRE(eventually(in_place, std::chrono::seconds(60)));

  CHECK(s.owner().get(one).says("href=\"" + page + "\""));
  web::tests::reply shown = s.owner().get(page);
  CHECK(shown.status == 200);
  CHECK(shown.says("value=\"off\" checked"));
  web::tests::reply seen = s.owner().post(page, {{"where", "side"}, {"field", "title"}, {"step", "preview"}});
  CHECK(seen.status == 200);
  CHECK(seen.says("Ada Lark/X/metadata.opf"));
  CHECK_FALSE(fs::exists(beside));
  CHECK(s.owner().post(page, {{"where", "side"}}).status == 422);
  CHECK(s.owner().post(page, {{"where", "both"}, {"field", "title"}}).status == 422);
  web::tests::reply dry = s.owner().api("PUT", page, R"({"where":"files","dry_run":true})");
  CHECK(dry.status == 200);
  CHECK(dry.says("\"how\":\"file\""));
  CHECK(s.owner().api("GET", page).text("where") == "off");

  web::tests::reply set = s.owner().post(page, {{"where", "side"}, {"field", "title"}, {"field", "authors"}});
  CHECK(set.status == 303);
  REQUIRE(eventually([&] { return fs::exists(beside); }, std::chrono::seconds(60)));
  CHECK(s.owner().api("GET", page).says("\"fields\":[\"title\",\"authors\"]"));
  CHECK(s.owner().get("/libraries").says("Managed with write-back"));
  web::tests::reply bar = s.owner().get(set.header("Location"));
  CHECK(bar.says("value=\"off\""));
  CHECK(s.owner().post(page, {{"choice", "off"}}).status == 303);
  CHECK(s.owner().api("GET", page).text("where") == "off");
  CHECK(fs::exists(beside));
  CHECK(s.owner().post(page, {{"choice", "side nothing"}}).status == 422);

  // What somebody else has put there is told of, and stays.
  REQUIRE(eventually(
      [&] { return s.home.number("select count(*) from jobs where kind = 'library.write' and done_at is null") == 0; }));
  write(beside, "mine");
  CHECK(s.owner().api("PUT", page, R"({"where":"side","fields":["title"]})").status == 200);
  REQUIRE(eventually([&] { return s.owner().api("GET", page).says("\"failed\":1"); }, std::chrono::seconds(60)));
  CHECK(read(beside) == "mine");
  CHECK(s.owner().get(page).says("Somebody else has changed the file beside the book."));
  CHECK(s.owner().get("/errata").says("h-unwritten"));
  CHECK(s.owner().api("GET", "/errata").says("\"unwritten_book\""));
  for (const char* bad : {"{}", R"({"where":"both"})", R"({"where":"side","fields":["x"]})",
                          R"({"where":"side","fields":"title"})", R"({"where":"files","fields":[]})"})
    CHECK(s.owner().api("PUT", page, bad).status == 422);
}

TEST_CASE("pages and API refuse to write where a library is only read, and say why") {
  shelves s;
  web::tests::reply made = s.owner().api("POST", "/libraries", s.body("in_place"));
  REQUIRE(made.status == 201);
  std::string one = "/libraries/" + made.text("id"), page = one + "/write-back";
  CHECK_FALSE(s.owner().get(one).says("write-back"));
  CHECK(s.owner().get(page).status == 409);
  CHECK(s.owner().get(page).says("nothing is ever written there"));
  CHECK(s.owner().post(page, {{"where", "side"}, {"field", "title"}}).status == 409);
  CHECK(s.owner().post(page, {{"choice", "files title"}}).status == 409);
  web::tests::reply api = s.owner().api("PUT", page, R"({"where":"side"})");
  CHECK(api.status == 409);
  CHECK(api.says("library.read_only"));
  CHECK(s.owner().api("PUT", page, R"({"where":"files","dry_run":true})").status == 409);
  CHECK(s.owner().api("GET", "/libraries/00000000-0000-7000-8000-000000000001/write-back").says("library.no_tree"));
  CHECK(s.owner().api("GET", "/libraries/" + uuid::make().text() + "/write-back").status == 404);
  CHECK(s.home.number("select count(*) from libraries where write_back <> ''") == 0);
}
