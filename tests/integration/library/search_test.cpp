#include <catch2/catch.hpp>

#include "tests/integration/library/shelf_of_books.hpp"

using namespace carrel;
using harness::library_db;
using harness::titles;
using strings = std::vector<std::string>;

namespace {

library::found find(library_db& db, library::query q, int offset = 0, int limit = 50) {
  return db.pool().read_now([&](db::tx& tx) { return library::search(tx, db.reader(), q, offset, limit); });
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
