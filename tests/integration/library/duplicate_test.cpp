// Books that may be the same one (ingest.md 7.3).
#include "library/duplicate.hpp"

#include <set>

#include "library/book.hpp"
#include "tests/integration/library/merge_world.hpp"

using namespace carrel;

namespace {

struct shelf : harness::merge_world {
  void note(const uuid& book) {
    pool().write_now([&](db::tx& tx) { library::note_duplicates(tx, book); });
  }
  std::vector<library::duplicate_pair> of(const uuid& book) {
    return pool().read_now([&](db::tx& tx) { return library::duplicates_of(tx, owner(), book); });
  }
  // "identifier isbn_13,work" of the only pair; "" when there is none.
  std::string found(const uuid& book) {
    note(book);
    std::vector<library::duplicate_pair> all = of(book);
    if (all.empty()) return "";
    std::string out = all.front().kind;
    for (const std::string& reason : all.front().reasons) out += (&reason == &all.front().reasons.front() ? " " : ",") + reason;
    return out;
  }
  void old(const uuid& book) { run("update books set updated_at = now() - interval '1 hour' where id = '" + book.text() + "'"); }
  void identify(const uuid& book, const std::string& json) {
    run("update books set identifiers = '" + json + "' where id = '" + book.text() + "'");
  }
};

}  // namespace

TEST_CASE("pairs are found by text, number and work, with all their reasons") {
  shelf s;
  uuid a = s.add({.title = "The Lost Garden", .isbn = "9780306406157"});
  SECTION("the same text") {
    uuid b = s.add({.title = "Something else", .author = "Bo Hale"});
    s.run("update book_files set content_hash = 'x'");
    CHECK(s.found(b) == "content content");
  }
  SECTION("the same ISBN, and the same work") {
    uuid b = s.add({.title = "Lost garden!", .author = "FENWICK, Ada", .isbn = "9780306406157"});
    CHECK(s.found(b) == "identifier isbn_13,work");
  }
  SECTION("a number of a shop or of a catalog") {
    uuid b = s.add({.title = "Anything", .author = "Bo Hale"});
    s.identify(a, R"({"asin": "B00EXAMPLE", "uuid": "1"})");
    s.identify(b, R"({"asin": "B00EXAMPLE", "uuid": "2"})");
    CHECK(s.found(b) == "identifier asin");
  }
  SECTION("the package identifier says nothing") {
    uuid b = s.add({.title = "Anything", .author = "Bo Hale"});
    s.identify(a, R"({"uuid": "1"})");
    s.identify(b, R"({"uuid": "1"})");
    CHECK(s.found(b).empty());
  }
  SECTION("a book without an author is never the same work, only similar") {
    uuid b = s.add({.title = "Nameless", .author = ""}), c = s.add({.title = "Nameless", .author = ""});
    CHECK(s.found(b) == s.found(c));
    CHECK(s.found(c).empty());
  }
}

TEST_CASE("similar titles of one author are a hint, volumes of a series are not") {
  shelf s;
  SECTION("one author") {
    s.add({.title = "The Cartographer of Winds"});
    CHECK(s.found(s.add({.title = "The Cartographers of Winds"})) == "similar title,author");
  }
  SECTION("another spelling of the author wants a nearly equal title") {
    s.add({.title = "The Cartographer of Winds", .author = "Adelheid Fenwick"});
    CHECK(s.found(s.add({.title = "The Cartographer of Winds", .author = "Adelheit Fenwick"})) == "similar title,author");
  }
  SECTION("another author") {
    s.add({.title = "The Cartographer of Winds", .author = "Bo Hale"});
    CHECK(s.found(s.add({.title = "The Cartographer of Winds"})).empty());
  }
  SECTION("volumes") {
    s.add({.title = "Chronicles of Ash, Volume 3"});
    s.add({.title = "Chronicles of Ash, Part II"});
    CHECK(s.found(s.add({.title = "Chronicles of Ash, Volume 4"})).empty());
  }
  SECTION("places in one series") {
    s.add({.title = "The Cartographer", .series = "Winds", .index = 1});
    CHECK(s.found(s.add({.title = "The Cartographers", .series = "Winds", .index = 2})).empty());
  }
}

TEST_CASE("a title that was corrected is not alike any more") {
  shelf s;
  uuid a = s.add({.title = "The Cartographer of Winds"}), b = s.add({.title = "The Cartographers of Winds"});
  REQUIRE_FALSE(s.found(b).empty());
  s.pool().write_now([&](db::tx& tx) { REQUIRE(library::edit_book(tx, b, {{"title", "A Whole Other Thing"}}, {}).ok()); });
  CHECK(s.found(b).empty());
  CHECK(s.of(a).empty());
  CHECK(s.number("select count(*) from duplicate_candidates") == 0);
}

TEST_CASE("the pair names first what came later, and what waits before what is in the library") {
  shelf s;
  uuid old = s.add({.title = "Rain", .status = "review"}), fresh = s.add({.title = "Rain"});
  s.note(fresh);
  std::vector<library::duplicate_pair> pairs = s.of(fresh);
  REQUIRE(pairs.size() == 1);
  CHECK(pairs[0].book == old);  // it waits
  CHECK(pairs[0].other == fresh);
}

TEST_CASE("two books that somebody keeps are never asked about again, unless it is taken back") {
  shelf s;
  uuid a = s.add({.title = "Rain"}), b = s.add({.title = "Rain", .status = "review"});
  s.run("update books set possible_duplicate_of = '" + a.text() + "' where id = '" + b.text() + "'");
  s.note(b);
  REQUIRE(s.of(a).size() == 1);
  auto keep = [&](const uuid& who) {
    return s.pool().write_now([&](db::tx& tx) { return library::keep_both(tx, who, b, a, {}); });
  };
  CHECK_FALSE(keep(s.reader()));  // who does not see what waits
  CHECK(keep(s.owner()));
  CHECK_FALSE(keep(s.owner()));
  CHECK(s.number("select count(*) from books where possible_duplicate_of is not null") == 0);
  s.note(b);
  CHECK(s.of(a).empty());
  CHECK(s.pool().write_now([&](db::tx& tx) { return library::undo_keep_both(tx, s.owner(), a, b, {}); }));
  CHECK(s.of(a).size() == 1);
  CHECK(s.number("select count(*) from books where possible_duplicate_of = '" + a.text() + "'") == 1);
}

TEST_CASE("the look through the library goes on where it stopped and sees what changed later") {
  shelf s;
  std::vector<uuid> books;
  for (int i = 0; i < 10; ++i) books.push_back(s.add({.title = "Rain " + std::string(i % 2 ? "and" : "or") + " snow"}));
  for (const uuid& b : books) s.old(b);
  auto look = [&](int most) { return s.pool().write_now([&](db::tx& tx) { return library::look_for_duplicates(tx, most); }); };
  CHECK(look(4) == 4);
  CHECK(look(4) == 4);
  CHECK(look(4) == 2);
  CHECK(look(4) == 0);
  std::int64_t pairs = s.number("select count(*) from duplicate_candidates where kind = 'work'");
  CHECK(pairs == 20);  // five of the one title, five of the other
  s.run("delete from duplicate_candidates");
  CHECK(look(100) == 0);
  s.run("update books set updated_at = now() - interval '10 minutes' where id = '" + books[3].text() + "'");
  CHECK(look(100) == 1);
  CHECK(s.number("select count(*) from duplicate_candidates where kind = 'work'") == 4);
}

TEST_CASE("books that are two in a library that was imported are two") {
  shelf s;
  uuid a = s.add({.title = "Rain"}), b = s.add({.title = "Rain"});
  s.run("insert into imported_books (source, library_uuid, book_uuid, book_id) values ('calibre', 'l', '1', '" + a.text() +
        "'), ('calibre', 'l', '2', '" + b.text() + "')");
  CHECK(s.found(b).empty());
  CHECK_FALSE(s.found(s.add({.title = "Rain"})).empty());
}

TEST_CASE("a page of pairs goes on behind the last one, hints at the end") {
  shelf s;
  for (int i = 0; i < 5; ++i) s.note(s.add({.title = "Rain"}));  // ten pairs
  s.add({.title = "The Cartographer of Winds", .author = "Bo Hale"});
  s.note(s.add({.title = "The Cartographers of Winds", .author = "Bo Hale"}));
  std::set<std::pair<uuid, uuid>> seen;
  std::optional<library::duplicate_pair> after;
  std::string last;
  int pages = 0;
  for (bool more = true; more && pages < 20; ++pages) {
    library::duplicate_page page =
        s.pool().read_now([&](db::tx& tx) { return library::open_duplicates(tx, s.owner(), true, after, 3); });
    for (const library::duplicate_pair& p : page.pairs) {
      CHECK(seen.emplace(p.book, p.other).second);
      last = p.kind;
    }
    after = page.pairs.back();
    more = page.more;
  }
  CHECK(seen.size() == 11);
  CHECK(last == "similar");
  library::duplicate_page strong =
      s.pool().read_now([&](db::tx& tx) { return library::open_duplicates(tx, s.owner(), false, std::nullopt, 50); });
  CHECK(strong.pairs.size() == 10);
}

TEST_CASE("hostile titles neither stop the look nor take long") {
  shelf s;
  std::string letters(5000, 'a');
  s.add({.title = letters, .author = std::string(3000, 'b')});
  CHECK_FALSE(s.found(s.add({.title = letters + "c", .author = std::string(3000, 'b')})).empty());
  CHECK(s.found(s.add({.title = "\"{}',\\ %_", .author = "!!!"})).empty());
}
