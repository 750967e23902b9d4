#include <algorithm>
#include <catch2/catch.hpp>

#include "tests/integration/library/shelf_of_books.hpp"

using namespace carrel;
using harness::library_db;
using strings = std::vector<std::string>;

namespace {

const library::actor ada{.user = std::nullopt, .name = "ada"};

result<bool> edit(library_db& db, const uuid& book, const json::object& changes) {
  return db.pool().write_now([&](db::tx& tx) { return library::edit_book(tx, book, changes, ada); });
}

library::book show(library_db& db, const uuid& book) {
  return *db.pool().read_now([&](db::tx& tx) { return library::find_book(tx, db.owner(), book); });
}

}  // namespace

TEST_CASE("an edit changes what follows from it, locks the field and can be undone") {
  library_db db;
  uuid id = db.add({.title = "The Lighthouse", .author = "Ada Fenwick", .tags = {"Sea"}});
  json::object changes{{"title", "A Harbour"},
                       {"authors", json::array{"Tomás Quill", "Ada Fenwick"}},
                       {"series", json::object{{"name", "Lights"}, {"index", 2.5}}},
                       {"languages", json::array{"eng", "de"}},
                       {"identifiers", json::object{{"isbn", "978-0-306-40615-7"}}},
                       {"published", "2019-03"},
                       {"tags", json::array{"Harbour", "Sea"}},
                       {"description", "<p>Good <script>alert(1)</script>book</p>"}};
  result<bool> changed = edit(db, id, changes);
  REQUIRE(changed);
  CHECK(*changed);

  library::book b = show(db, id);
  CHECK(b.title == "A Harbour");
  CHECK(b.title_sort == "Harbour, A");
  REQUIRE(b.authors.size() == 2);
  CHECK(b.authors[0].name == "Tomás Quill");
  CHECK(b.series == "Lights");
  CHECK(b.series_index == 2.5);
  CHECK(b.languages == strings{"en", "de"});
  CHECK(b.identifiers.size() == 2);
  CHECK(b.published_on == "2019-03");
  CHECK(b.description.find("script") == std::string::npos);
  CHECK(std::find(b.locked_fields.begin(), b.locked_fields.end(), "title") != b.locked_fields.end());

  CHECK(db.pool().write_now([&](db::tx& tx) { return library::undo_edit(tx, id, ada); }));
  library::book back = show(db, id);
  CHECK(back.title == "The Lighthouse");
  CHECK(back.series.empty());
  CHECK(back.identifiers.empty());
  CHECK_FALSE(db.pool().write_now([&](db::tx& tx) { return library::undo_edit(tx, id, ada); }));
}

TEST_CASE("the same values change nothing, updated_at included") {
  library_db db;
  uuid id = db.add({.title = "Same"});
  library::book before = show(db, id);
  result<bool> changed = edit(db, id, {{"title", "Same"}, {"authors", json::array{"Ada Fenwick"}}, {"publisher", nullptr}});
  REQUIRE(changed);
  CHECK_FALSE(*changed);
  library::book after = show(db, id);
  CHECK(after.updated_at == before.updated_at);
  CHECK(after.version == before.version);
  CHECK(after.locked_fields.empty());
}

TEST_CASE("what cannot be a value is refused by field and nothing is changed") {
  library_db db;
  uuid id = db.add({.title = "Kept"});
  struct row {
    const char* field;
    json::value value;
  };
  for (const row& r : std::vector<row>{{"title", ""},
                                       {"title", 7},
                                       {"title", std::string(5000, 'x')},
                                       {"authors", "Ada"},
                                       {"authors", json::array{1}},
                                       {"series", "Lights"},
                                       {"series", json::object{{"name", "x"}, {"index", "two"}}},
                                       {"languages", json::array{"klingonish"}},
                                       {"identifiers", json::object{{"isbn_13", "9780306406158"}}},
                                       {"published", "yesterday"},
                                       {"page_count", -1},
                                       {"status", "organized"},
                                       {"id", "x"}}) {
    result<bool> changed = edit(db, id, json::object{{"publisher", "New"}, {r.field, r.value}});
    REQUIRE_FALSE(changed);
    CHECK(changed.error().field == r.field);
  }
  library::book b = show(db, id);
  CHECK(b.title == "Kept");
  CHECK(b.publisher.empty());
}

TEST_CASE("control characters and markup in values are cleaned, never stored") {
  library_db db;
  uuid id = db.add({.title = "x"});
  REQUIRE(edit(db, id,
               {{"title", std::string("a\x01"
                                      "b\n c\xe2\x80\xae",
                                      9)},
                {"description", "plain & <b>bold</b>"}}));
  library::book b = show(db, id);
  CHECK(b.title.find('\x01') == std::string::npos);
  CHECK(b.title.find('\n') == std::string::npos);
  CHECK(b.description.find("&amp;") != std::string::npos);
}

TEST_CASE("the same bytes are never two files, and duplicates are found by content, ISBN and work") {
  library_db db;
  uuid first = db.add({.title = "The Ledger: A Novel", .author = "Ada Fenwick", .isbn = "9780306406157"});
  library::book b = show(db, first);
  db.pool().write_now([&](db::tx& tx) {
    std::optional<library::known_bytes> known = library::find_bytes(tx, b.files.front().checksum);
    REQUIRE(known);
    CHECK(known->book == first);
    CHECK_FALSE(library::find_bytes(tx, std::string(64, '0')));

    publication::metadata same_work;
    same_work.title = "Ledger";
    same_work.languages = {"en"};
    same_work.authors.push_back({.name = "Fenwick, Ada", .sort = ""});
    CHECK(library::find_duplicate(tx, same_work, "") == first);
    publication::metadata same_isbn;
    same_isbn.title = "Other";
    same_isbn.identifiers.emplace_back("isbn_13", "9780306406157");
    CHECK(library::find_duplicate(tx, same_isbn, "") == first);
    publication::metadata stranger;
    stranger.title = "Stranger";
    stranger.authors.push_back({.name = "Nobody Known", .sort = ""});
    CHECK_FALSE(library::find_duplicate(tx, stranger, ""));
  });
}

TEST_CASE("a replaced file keeps its id and its old fingerprints stay known") {
  library_db db;
  uuid id = db.add({.title = "x"});
  library::book_file old_file = show(db, id).files.front();
  library::new_file f{.id = old_file.id,
                      .format = "epub",
                      .mime = "application/epub+zip",
                      .original_name = "n.epub",
                      .original_name_raw = "",
                      .storage_path = "library/y",
                      .inbox_path = "",
                      .extension = ".epub",
                      .size = 7,
                      .checksum = std::string(64, 'a'),
                      .md5 = std::string(32, 'b'),
                      .koreader_md5 = std::string(32, 'c'),
                      .content_hash = "",
                      .drm = "",
                      .warnings = {}};
  db.pool().write_now([&](db::tx& tx) { library::replace_file(tx, old_file.id, f); });
  library::book_file now = show(db, id).files.front();
  CHECK(now.id == old_file.id);
  CHECK(now.checksum == f.checksum);
  CHECK(now.download_name == old_file.download_name);
  constexpr db::statement known{"test.hash", "select variant from book_file_hashes where hash = $1 and kind = 'partial'"};
  db.pool().read_now([&](db::tx& tx) {
    CHECK(tx.run(known, old_file.koreader_md5)[0].text(0) == "replaced");
    CHECK(tx.run(known, f.koreader_md5)[0].text(0) == "original");
  });
}

TEST_CASE("what cannot be a series or a list of names is refused and locks nothing") {
  library_db db;
  uuid id = db.add({.title = "x", .author = "Ada Fenwick", .series = "Harbour", .index = 2.0});
  for (const char* text :
       {R"({"series":{"index":1}})", R"({"series":{"name":"  ","index":1}})", R"({"series":{}})",
        R"({"series":{"name":"Fog","number":1}})", R"({"authors":[""]})", R"({"authors":["Ada Fenwick",null]})",
        R"({"tags":["a"," "]})", R"({"genres":[""]})", R"({"languages":[""]})", R"({"title":"y","authors":[""]})"}) {
    INFO(text);
    json::object changes = json::read_object(text).value();
    result<bool> changed = db.pool().write_now([&](db::tx& tx) { return library::edit_book(tx, id, changes, {}); });
    REQUIRE_FALSE(changed);
    CHECK((changed.error().field == "series" || changed.error().field == "authors" || changed.error().field == "tags" ||
           changed.error().field == "genres" || changed.error().field == "languages"));
  }
  library::book b = show(db, id);
  CHECK(b.locked_fields.empty());
  CHECK(b.title == "x");
  CHECK(b.series == "Harbour");
  CHECK(b.authors.size() == 1);
  json::object none = json::read_object(R"({"series":null,"authors":[]})").value();
  CHECK(db.pool().write_now([&](db::tx& tx) { return library::edit_book(tx, id, none, {}); }).value());
  CHECK(show(db, id).series.empty());
  CHECK(show(db, id).locked_fields == std::vector<std::string>{"authors", "series"});
}
