#include <barrier>
#include <catch2/catch.hpp>

#include "library/book.hpp"
#include "workbench.hpp"

using namespace carrel;
using namespace carrel::ingest;
using namespace carrel::ingest::test;

namespace {

std::barrier<>* meeting = nullptr;

// Every worker has its file in place before the first asks whether there is such a book.
void meet(step s) {
  if (s == step::placed) meeting->arrive_and_wait();
}

// Eight different files at the same moment: how many know of another one, how many are in the library.
void check_eight_at_once(book (*nth)(int)) {
  workbench b;
  b.with.how.workers = 4;
  for (int i = 0; i < 8; ++i) write(b.inbox / (std::to_string(i) + ".epub"), epub(nth(i)));
  std::barrier<> all(8);
  meeting = &all;
  b.with.reached = meet;
  outcome out = b.take({b.inbox});
  INFO(codes(out));
  REQUIRE(out.added.size() == 8);
  CHECK(b.number("select count(*) from books where possible_duplicate_of is not null and status = 'review'") == 7);
  CHECK(b.number("select count(*) from books where possible_duplicate_of is null and status = 'organized'") == 1);
}

}  // namespace

TEST_CASE("the same text, ISBN or work that comes in eight forms at once is recognised") {
  SECTION("text") {
    check_eight_at_once(
        [](int i) { return book{.title = "Title " + std::to_string(i), .author = "Author " + std::to_string(i)}; });
  }
  SECTION("ISBN") {
    check_eight_at_once([](int i) {
      std::string n = std::to_string(i);
      return book{.title = "Title " + n, .author = "Author " + n, .text = "Text " + n, .isbn = "9780306406157"};
    });
  }
  SECTION("work") {
    check_eight_at_once([](int i) { return book{.text = "Text " + std::to_string(i)}; });
  }
}

TEST_CASE("the same bytes under another name are a duplicate and are not stored") {
  workbench b;
  write(b.inbox / "a.epub", epub({}));
  write(b.inbox / "sub" / "b.epub", epub({}));
  outcome out = b.take({b.inbox}, false);
  REQUIRE(out.added.size() == 1);
  REQUIRE(out.duplicates.size() == 1);
  CHECK(out.duplicates[0].book == out.added[0].book);
  CHECK(out.duplicates[0].file == out.added[0].file);
  CHECK(b.files("library").size() == 1);
  CHECK(b.number("select count(*) from book_files") == 1);
  CHECK(b.files("attic").size() == 2);  // both sources left their folder, and nothing is lost
  CHECK(b.files("staging").empty());
  CHECK_FALSE(fs::exists(b.inbox / "a.epub"));
  CHECK_FALSE(fs::exists(b.inbox / "sub" / "b.epub"));
}

TEST_CASE("forty copies of one file at once are one book") {
  workbench b;
  b.with.how.workers = 4;
  for (int i = 0; i < 40; ++i) write(b.inbox / (std::to_string(i) + ".epub"), epub({}));
  outcome out = b.take({b.inbox}, false);
  INFO(codes(out));
  CHECK(out.added.size() == 1);
  CHECK(out.duplicates.size() == 39);
  CHECK(b.files("library").size() == 1);
  CHECK(b.files("staging").empty());
  CHECK(fs::is_empty(b.inbox));
}

TEST_CASE("the same text in other bytes goes to review, approved or not, and names what it may duplicate") {
  workbench b;
  write(b.inbox / "a.epub", epub({.title = "One Title"}));
  outcome first = b.take({b.inbox});
  REQUIRE(first.added.size() == 1);
  write(b.inbox / "b.epub", epub({.title = "Another Title"}));
  outcome second = b.take({b.inbox / "b.epub"});
  REQUIRE(second.added.size() == 1);
  CHECK(second.added[0].status == "review");
  CHECK(b.text("select possible_duplicate_of::text from books where title = 'Another Title'") == first.added[0].book.text());
}

TEST_CASE("a duplicate of a trashed book is a duplicate") {
  workbench b;
  write(b.inbox / "a.epub", epub({}));
  outcome first = b.take({b.inbox});
  b.pool.write_now([&](db::tx& tx) { library::trash_books(tx, {first.added.at(0).book}, {}); });
  write(b.inbox / "b.epub", epub({}));
  outcome second = b.take({b.inbox / "b.epub"}, false);
  REQUIRE(second.duplicates.size() == 1);
  CHECK(second.duplicates[0].book == first.added[0].book);
}

TEST_CASE("the same bytes again repair a stored file that is damaged or lost") {
  workbench b;
  std::string bytes = epub({});
  write(b.inbox / "a.epub", bytes);
  outcome first = b.take({b.inbox});
  fs::path stored = b.files("library").at(0);
  bool lost = GENERATE(false, true);
  if (lost)
    fs::remove(stored);
  else
    write(stored, "damaged");
  write(b.inbox / "b.epub", bytes);
  outcome second = b.take({b.inbox / "b.epub"});
  INFO(codes(second));
  REQUIRE(second.duplicates.size() == 1);
  CHECK(second.duplicates[0].book == first.added.at(0).book);
  CHECK(read(stored) == bytes);
  CHECK(b.number("select count(*) from book_files") == 1);
  CHECK(b.files("staging").empty());
  if (!lost) CHECK(read(b.files("attic").at(0)) == "damaged");
}
