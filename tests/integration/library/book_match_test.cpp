#include "library/book_match.hpp"

#include <catch2/catch.hpp>

#include "library/genres.hpp"
#include "tests/integration/library/shelf_of_books.hpp"

using namespace carrel;
using namespace carrel::library;

namespace {

std::vector<uuid> meant_by(harness::library_db& db, const book_sought& s, std::optional<uuid> viewer = {}) {
  return db.pool().read_now([&](db::tx& tx) { return match_books(tx, viewer.value_or(db.reader()), {s}); }).at(0).books;
}

using ids = std::vector<uuid>;

}  // namespace

TEST_CASE("an ISBN decides, whatever the title says") {
  harness::library_db db;
  uuid one = db.add({.title = "Harbour", .isbn = "9780306406157"});
  db.add({.title = "Other", .isbn = "9783161484100"});
  CHECK(meant_by(db, {"Quite another title", {"Nobody"}, {"9780306406157"}}) == ids{one});
  book_match by_isbn = db.pool()
                           .read_now([&](db::tx& tx) {
                             return match_books(tx, db.reader(), {{"", {}, {"9780306406157"}}});
                           })
                           .at(0);
  CHECK(by_isbn.by_isbn);
  CHECK(meant_by(db, {"Harbour", {"Ada Fenwick"}, {"9791090636071"}}) == ids{one});  // of another edition: by its title
}

TEST_CASE("of two books with one ISBN the title may tell which is meant; else it is both") {
  harness::library_db db;
  uuid one = db.add({.title = "Harbour", .isbn = "9780306406157"}), two = db.add({.title = "Tide", .isbn = "9780306406157"});
  CHECK(meant_by(db, {"Tide", {}, {"9780306406157"}}) == ids{two});
  ids both = meant_by(db, {"Neither", {}, {"9780306406157"}});
  std::sort(both.begin(), both.end());
  ids expected{one, two};
  std::sort(expected.begin(), expected.end());
  CHECK(both == expected);
}

TEST_CASE("title and author are compared without articles, series, subtitle, case and order of names") {
  harness::library_db db;
  uuid hobbit = db.add({.title = "The Hobbit", .author = "John Ronald Reuel Tolkien"}),
       sapiens = db.add({.title = "Sapiens: A Brief History of Humankind", .author = "Yuval Noah Harari"}),
       haus = db.add({.title = "Das Haus", .author = "Ada Lark", .language = "de"}),
       it = db.add({.title = "It", .author = "Stephen King"});
  for (int i = 0; i < 5; ++i) db.add({.title = "It Came " + std::to_string(i), .author = "Stephen King"});
  CHECK(meant_by(db, {"Hobbit", {"J.R.R. Tolkien"}, {}}) == ids{hobbit});
  CHECK(meant_by(db, {"the hobbit (The Lord of the Rings, #0)", {"Tolkien, J. R. R."}, {}}) == ids{hobbit});
  CHECK(meant_by(db, {"Sapiens", {"Yuval Harari"}, {}}) == ids{sapiens});
  CHECK(meant_by(db, {"Haus", {"Ada Lark"}, {}}) == ids{haus});
  CHECK(meant_by(db, {"It", {"Stephen King"}, {}}) == ids{it});
  CHECK(meant_by(db, {"The Hobbit", {"Somebody Else", "J.R.R. Tolkien"}, {}}) == ids{hobbit});
}

TEST_CASE("what is not said by both is not enough") {
  harness::library_db db;
  db.add({.title = "The Lord of the Rings: The Two Towers", .author = "J.R.R. Tolkien"});
  db.add({.title = "Harbour", .author = "Ada Fenwick"});
  db.add({.title = "Alone", .author = ""});
  CHECK(meant_by(db, {"The Lord of the Rings: The Return of the King", {"J.R.R. Tolkien"}, {}}).empty());
  CHECK(meant_by(db, {"Harbour", {"Bo Fenwick"}, {}}).empty());
  CHECK(meant_by(db, {"Harbour", {}, {}}).empty());
  CHECK(meant_by(db, {"Alone", {"Ada Fenwick"}, {}}).empty());
  CHECK(meant_by(db, {"", {"Ada Fenwick"}, {}}).empty());
  CHECK(meant_by(db, {"Har", {"Ada Fenwick"}, {}}).empty());
  CHECK(meant_by(db, {"(#1)", {"Ada Fenwick"}, {}}).empty());
}

TEST_CASE("where two books may be meant both are found, but for one that has the whole title or is in the library") {
  harness::library_db db;
  uuid one = db.add({.title = "Harbour"}), two = db.add({.title = "Harbour"});
  ids both = meant_by(db, {"Harbour", {"Ada Fenwick"}, {}});
  CHECK(both.size() == 2);
  CHECK((both == ids{one, two} || both == ids{two, one}));

  uuid plain = db.add({.title = "Tide"});
  db.add({.title = "Tide: The Deluxe Edition"});
  CHECK(meant_by(db, {"Tide", {"Ada Fenwick"}, {}}) == ids{plain});

  uuid here = db.add({.title = "Reef"});
  db.add({.title = "Reef", .status = "review"});
  CHECK(meant_by(db, {"Reef", {"Ada Fenwick"}, {}}, db.owner()) == ids{here});
}

TEST_CASE("a book that one does not see is not found") {
  harness::library_db db;
  uuid waits = db.add({.title = "Waits", .status = "review", .isbn = "9780306406157"});
  CHECK(meant_by(db, {"Waits", {"Ada Fenwick"}, {"9780306406157"}}).empty());
  CHECK(meant_by(db, {"Waits", {"Ada Fenwick"}, {}}, db.owner()) == ids{waits});
}

TEST_CASE("many are sought at once, each for itself") {
  harness::library_db db;
  std::vector<book_sought> sought;
  std::vector<uuid> books;
  for (int i = 0; i < 40; ++i) {
    std::string title = "Volume " + std::to_string(i);
    books.push_back(db.add({.title = title}));
    sought.push_back({title, {"Ada Fenwick"}, {}});
    sought.push_back({"No " + title, {"Ada Fenwick"}, {}});
  }
  std::vector<book_match> out = db.pool().read_now([&](db::tx& tx) { return match_books(tx, db.reader(), sought); });
  for (std::size_t i = 0; i < books.size(); ++i) {
    CHECK(out[2 * i].books == ids{books[i]});
    CHECK(out[2 * i + 1].books.empty());
  }
}

TEST_CASE("names are one person's as far as initials and order can tell") {
  CHECK(same_person("J.R.R. Tolkien", "John Ronald Reuel Tolkien"));
  CHECK(same_person("Ursula Le Guin", "Ursula K. Le Guin"));
  CHECK(same_person("Lark, Ada", "Ada Lark"));
  CHECK(same_person("村上春樹", "村上 春樹"));
  CHECK_FALSE(same_person("Ada Lark", "Ada Finch"));
  CHECK_FALSE(same_person("A. L.", "Ada Lark"));  // nothing but initials
  CHECK_FALSE(same_person("", "Ada Lark"));
  CHECK_FALSE(same_person("J. Smith", "Ann Smith"));
}

TEST_CASE("subjects that are named like a genre are genres, and limits that name one mean all of its names") {
  harness::library_db db;
  uuid book = db.add({.title = "Harbour", .tags = {"Sci-Fi", "Boats", "science fiction", "Krimis"}});
  library::book b = *db.pool().read_now([&](db::tx& tx) { return find_book(tx, db.owner(), book); });
  CHECK(b.genres == std::vector<std::string>{"Science Fiction", "Krimi"});
  REQUIRE(b.tags.size() == 1);
  CHECK(b.tags[0].name == "Boats");

  auto sees = [&] { return db.pool().read_now([&](db::tx& tx) { return find_book(tx, db.reader(), book).has_value(); }); };
  CHECK(sees());
  for (const char* hidden : {"SF", "science fiction", "Krimi"}) {
    library::limits l;
    l.hidden_tags = {hidden};
    db.pool().write_now([&](db::tx& tx) { library::set_limits(tx, db.reader(), l); });
    INFO(hidden);
    CHECK_FALSE(sees());
  }
}

TEST_CASE("the table of genres can be edited: a name may mean another genre, or none") {
  harness::library_db db;
  db.pool().write_now([](db::tx& tx) {
    tx.script(
        "update genre_aliases set genre = '' where name_key = 'fantasy'; insert into genre_aliases values ('boats', "
        "'Seafaring')");
  });
  publication::metadata m;
  m.genres = {"Seafaring"};
  m.subjects = {"Fantasy", "Boats", "Horror"};
  m = db.pool().read_now([&](db::tx& tx) { return with_genres(tx, m); });
  CHECK(m.genres == std::vector<std::string>{"Seafaring", "Horror"});
  CHECK(m.subjects == std::vector<std::string>{"Fantasy"});
}
