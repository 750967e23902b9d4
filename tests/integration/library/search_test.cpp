#include <catch2/catch.hpp>

#include "library/spelling.hpp"
#include "tests/integration/library/shelf_of_books.hpp"

using namespace carrel;
using harness::library_db;
using harness::titles;
using strings = std::vector<std::string>;

namespace {

library::found find(library_db& db, library::query q, int offset = 0, int limit = 50) {
  return db.pool().read_now([&](db::tx& tx) { return library::search(tx, db.reader(), q, offset, limit); });
}

// What is found instead of what was typed; "" for nothing.
std::string instead(library_db& db, const uuid& viewer, const std::string& typed) {
  auto other = db.pool().read_now([&](db::tx& tx) { return library::respelled(tx, viewer, {.all = typed}); });
  return other ? other->all : "";
}

strings closest(library_db& db, library::filter f, int limit = 50) {
  f.closest_first = true;
  strings out;
  library::cursor at;
  for (int pages = 0; pages < 10; ++pages) {
    auto page = db.pool().read_now([&](db::tx& tx) { return library::browse(tx, db.reader(), f, at, limit); });
    for (const std::string& title : titles(page.books)) out.push_back(title);
    CHECK(page.previous.has_value() == (pages > 0));
    if (!page.next) break;
    at = *library::from_token(library::to_token(*page.next, f.token_name()), f.token_name(), library::cursor::side::after);
  }
  return out;
}

}  // namespace

TEST_CASE("search folds case and accents, matches prefixes and needs every word") {
  library_db db;
  db.add({.title = "Sea & Salt", .author = "Zoë Ångström", .series = "Harbour Lights", .tags = {"Mystery"}});
  db.add({.title = "The Lighthouse Ledger"});
  db.add({.title = "戦争と平和", .language = "ja"});
  CHECK(titles(find(db, {.all = "sea & salt"}).books) == strings{"Sea & Salt"});
  CHECK(titles(find(db, {.all = "ANGSTROM zoe"}).books) == strings{"Sea & Salt"});
  CHECK(titles(find(db, {.all = "light"}).books).size() == 2);
  CHECK(titles(find(db, {.all = "lighthouse salt"}).books).empty());
  CHECK(titles(find(db, {.all = "mystery"}).books) == strings{"Sea & Salt"});
  CHECK(titles(find(db, {.all = "平和"}).books).size() == 1);
  CHECK(titles(find(db, {.all = "\"ledger lighthouse\""}).books).empty());
  CHECK(titles(find(db, {.all = "\"lighthouse ledger\""}).books).size() == 1);
}

TEST_CASE("fields narrow, ISBNs are tried first") {
  library_db db;
  db.add({.title = "Fenwick", .author = "Someone Else", .isbn = "9780306406157"});
  db.add({.title = "Another", .author = "Ada Fenwick"});
  CHECK(titles(find(db, {.author = "fenwick"}).books) == strings{"Another"});
  CHECK(titles(find(db, {.title = "fenwick"}).books) == strings{"Fenwick"});
  CHECK(titles(find(db, {.all = "978-0-306-40615-7"}).books) == strings{"Fenwick"});
  CHECK(titles(find(db, {.all = "0-306-40615-2"}).books) == strings{"Fenwick"});
  CHECK(find(db, {.isbn = "123"}).books.empty());
  // The exact title comes first.
  CHECK(titles(find(db, {.all = "fenwick"}).books).front() == "Fenwick");
}

TEST_CASE("whatever is typed is no syntax") {
  library_db db;
  db.add({.title = "Plain"});
  for (const char* typed : {"'", "\"", "a & | ! <-> :* ()", "\\", "plain:*", "'plain'", "%_", "$1", "plain\\'"}) {
    CHECK_NOTHROW(find(db, {.all = typed}));
  }
  CHECK(find(db, {.all = std::string(10000, 'x')}).books.empty());
  CHECK(find(db, {.all = ""}).total == 0);
  CHECK(find(db, {.all = "plain"}, 5000, 50).books.empty());
}

TEST_CASE("results page by position with an exact count") {
  library_db db;
  for (int i = 0; i < 25; ++i) db.add({.title = "Common " + std::to_string(i)});
  library::found first = find(db, {.all = "common"}, 0, 10), third = find(db, {.all = "common"}, 20, 10);
  CHECK(first.total == 25);
  CHECK(first.more);
  CHECK(first.books.size() == 10);
  CHECK(third.books.size() == 5);
  CHECK_FALSE(third.more);
}

TEST_CASE("terms of a field narrow to it, in every language of the pages") {
  library_db db;
  db.add({.title = "Orlando", .author = "Virginia Woolf", .series = "Hogarth", .tags = {"Fantasy"}});
  db.add({.title = "The Fantasy Woolf", .author = "Ann Other", .tags = {"Science fiction"}});
  db.add({.title = "Hogarth", .author = "Ann Other", .language = "de", .tags = {"Science", "Pulp fiction"}});
  auto found = [&](const char* typed) {
    strings out = titles(find(db, {.all = typed}).books);
    std::sort(out.begin(), out.end());
    return out;
  };
  CHECK(found("woolf") == strings{"Orlando", "The Fantasy Woolf"});
  for (const char* typed :
       {"author:woolf", "author: woolf", "Autor:WOOLF", "auteur:woolf", "author:\"virginia woolf\"", "author:wool"})
    CHECK(found(typed) == strings{"Orlando"});
  CHECK(found("title:woolf") == strings{"The Fantasy Woolf"});
  CHECK(found("tag:fantasy") == strings{"Orlando"});
  CHECK(found("series:hogarth") == strings{"Orlando"});
  CHECK(found("série:hogarth") == strings{"Orlando"});
  CHECK(found("tag:hogarth").empty());
  CHECK(found("tag:\"science fiction\"") == strings{"Hogarth", "The Fantasy Woolf"});
  CHECK(found("tag:pulp author:other") == strings{"Hogarth"});
  CHECK(found("language:de") == strings{"Hogarth"});
  CHECK(found("other language:en") == strings{"The Fantasy Woolf"});
  CHECK(found("nothing:woolf").empty());  // no field: a word like any other
  CHECK(found("author:").empty());
  CHECK(found("tag:\"unfinished").empty());
}

TEST_CASE("words that are nearly right find what is meant") {
  library_db db;
  db.add({.title = "The Lighthouse Ledger", .author = "J. R. R. Tolkien"});
  db.add({.title = "Dune"});
  db.add({.title = "Война и мир", .language = "ru"});
  db.add({.title = "Hidden Cartography", .status = "review"});
  uuid viewer = db.reader();
  CHECK(instead(db, viewer, "lighthuose") == "lighthouse");
  CHECK(instead(db, viewer, "Tolkein") == "tolkien");
  CHECK(instead(db, viewer, "duen") == "dune");
  CHECK(instead(db, viewer, "author:tolkein ledger") == "author:tolkien ledger");
  CHECK(instead(db, viewer, "lihgthouse tolkein") == "lighthouse tolkien");
  CHECK(instead(db, viewer, "войны") == "война");
  CHECK(instead(db, viewer, "lighthouse") == "");      // it is right
  CHECK(instead(db, viewer, "lighth") == "");          // it begins a word
  CHECK(instead(db, viewer, "zebra") == "");           // nothing is near
  CHECK(instead(db, viewer, "tolkein dune") == "");    // no book has both
  CHECK(instead(db, viewer, "cartografy") == "");      // what one may not see does not exist
  CHECK(instead(db, db.owner(), "cartografy") == "");  // search is of the library, not of the inbox
  CHECK(instead(db, viewer, "") == "");
  CHECK(instead(db, viewer, std::string(10'000, 'q')) == "");
}

TEST_CASE("what is said of a misspelt word does not tell what one may not see") {
  library_db db;
  db.add({.title = "Qwertzum Album", .status = "review"});
  db.add({.title = "Qwertzux Open"});
  // Whether a hidden book has the word or nobody has: the answer is the same.
  CHECK(instead(db, db.reader(), "qwertzuk") == "qwertzux");
  CHECK(instead(db, db.reader(), "qwertzum") == "qwertzux");
  CHECK(instead(db, db.reader(), "qwertz") == "");
}

TEST_CASE("words are suggested as they are, without the signs around them") {
  library_db db;
  db.add({.title = "\"Wondrous\" Reihe: Spider-Man", .author = "Conan O'Brien", .tags = {"Émigré"}});
  CHECK(instead(db, db.reader(), "wondruos") == "wondrous");
  CHECK(instead(db, db.reader(), "spidre") == "spider");
  CHECK(instead(db, db.reader(), "brein") == "brien");
  CHECK(instead(db, db.reader(), "emigrrre") == "émigré");
  CHECK(instead(db, db.reader(), "spider wondruos") == "spider wondrous");
}

TEST_CASE("the marks of fields are no words") {
  library_db db;
  db.add({.title = "Plain", .series = "Fiction", .tags = {"Fiction"}});
  for (const char* typed : {"0tag0fiction", "\"0tag0fiction\"", "0series0fiction", "0se", "0language0en", "0year0"})
    CHECK(find(db, {.all = typed}).books.empty());
  CHECK(find(db, {.all = "fiction"}).books.size() == 1);
  for (const char* typed : {"language:en", "language:eng", "lang:English", "sprache:en"})
    CHECK(find(db, {.all = typed}).books.size() == 1);
}

TEST_CASE("the exact title is found among more books than are ranked") {
  library_db db;
  db.add({.title = "Light"});
  for (int i = 0; i < 2050; ++i) db.add({.title = "Light of number " + std::to_string(i), .author = ""});
  CHECK(titles(find(db, {.all = "light"}).books).front() == "Light");
  library::filter f{.status = "organized", .text = "light"};
  f.closest_first = true;
  auto page = db.pool().read_now([&](db::tx& tx) { return library::browse(tx, db.reader(), f, {}, 10); });
  CHECK(titles(page.books).front() == "Light");
}

TEST_CASE("letters apart") {
  auto apart = [](std::u32string_view a, std::u32string_view b) { return library::letters_apart(a, b, 3); };
  CHECK(apart(U"dune", U"dune") == 0);
  CHECK(apart(U"dune", U"duen") == 1);
  CHECK(apart(U"dune", U"dunes") == 1);
  CHECK(apart(U"dune", U"done") == 1);
  CHECK(apart(U"", U"abc") == 3);
  CHECK(apart(U"kitten", U"sitting") == 3);
  CHECK(apart(U"kitten", U"zzzzzz") == 4);
  CHECK(library::letters_apart(U"short", U"a much longer word", 2) == 3);
}

TEST_CASE("a list that is searched shows the closest first, page by page") {
  library_db db;
  db.add({.title = "Salt and Sea", .author = "Ann Lighthouse"});
  db.add({.title = "Lighthouse Keeping"});
  db.add({.title = "Lighthouse"});
  db.add({.title = "Of a tag", .tags = {"Lighthouse"}});
  strings all{"Lighthouse", "Lighthouse Keeping", "Salt and Sea", "Of a tag"};
  CHECK(closest(db, {.status = "organized", .text = "lighthouse"}) == all);
  CHECK(closest(db, {.status = "organized", .text = "lighthouse"}, 1) == all);
  CHECK(closest(db, {.status = "organized", .text = "lighthouse"}, 3) == all);
  CHECK(closest(db, {.status = "organized", .language = "de", .text = "lighthouse"}).empty());
  CHECK(closest(db, {.status = "review", .text = "lighthouse"}).empty());
}
