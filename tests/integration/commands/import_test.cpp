// What `carrel import` says to people and programs, and its exit status.
#include "../../unit/publication/calibre_maker.hpp"
#include "tests/integration/commands/shell.hpp"
#include "tests/integration/ingest/small_epub.hpp"

using namespace carrel;
using namespace carrel::commands::tests;
using publication::test::calibre_book;
using publication::test::calibre_maker;
namespace fs = std::filesystem;

namespace {

std::string quoted(const fs::path& p) { return "'" + p.native() + "'"; }

calibre_book book(const std::string& title) {
  calibre_book b{.title = title};
  b.files = {{"EPUB", ingest::test::epub({.title = title, .text = "Words of " + title})}};
  return b;
}

}  // namespace

TEST_CASE("a Calibre library is imported, and the same command again changes nothing") {
  shell sh;
  fs::path folder = fs::absolute(harness::fresh_folder("calibre"));
  {
    calibre_maker m(folder);
    m.add(book("One"));
    m.add(book("Two"));
    m.add({.title = "Without"});
  }
  outcome first = sh.run("import calibre --json --dry-run " + quoted(folder));
  CHECK(first.status == 0);
  CHECK(first.says("\"dry_run\":true"));
  CHECK(first.says("\"books_added\":2"));
  CHECK(sh.run("book find One --json").out == "[]\n");

  first = sh.run("import calibre --json " + quoted(folder));
  INFO(first.out << first.err);
  CHECK(first.status == 0);
  auto document = json::read_object(first.out);
  REQUIRE(document);
  CHECK(document->find("added")->as_array()->size() == 2);
  CHECK(document->find("duplicates")->as_array()->empty());
  CHECK(document->find("failed")->as_array()->empty());
  CHECK(first.says("\"books_added\":2"));
  CHECK(first.says("\"code\":\"calibre_no_files\""));

  outcome again = sh.run("import calibre " + quoted(folder));
  CHECK(again.status == 0);
  CHECK(again.says("3 of 3 books: 0 added, 0 updated, 2 unchanged, 1 without a file"));
  CHECK(again.says("Book 3 of Calibre: "));
}

TEST_CASE("some books that cannot be taken in are status 5, a folder that is none 3, a damaged library 1") {
  shell sh;
  fs::path folder = fs::absolute(harness::fresh_folder("calibre"));
  {
    calibre_maker m(folder);
    m.add(book("Good"));
    calibre_book bad{.title = "Bad"};
    bad.files = {{"EPUB", "PK\3\4 nothing"}};
    m.add(bad);
  }
  outcome some = sh.run("import calibre --json " + quoted(folder));
  CHECK(some.status == 5);
  CHECK(some.says("\"code\":\"archive_corrupt\""));
  CHECK(sh.run("import calibre --json /nonexistent").status == 3);
  fs::path empty = fs::absolute(harness::fresh_folder("empty"));
  outcome none = sh.run("import calibre --json " + quoted(empty));
  CHECK(none.status == 3);
  CHECK(none.says("\"error\""));
  ingest::test::write(empty / "metadata.db", std::string(200, 'x'));
  outcome damaged = sh.run("import calibre --json " + quoted(empty));
  CHECK(damaged.status == 1);
  CHECK(damaged.says("\"code\":\"calibre_damaged\""));
  CHECK(sh.run("import calibre").status == 2);
  CHECK(sh.run("import").status == 2);
}
