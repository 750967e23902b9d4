// What `carrel ingest` says to people, and its exit status.
#include "tests/integration/commands/shell.hpp"
#include "tests/integration/ingest/small_epub.hpp"

using namespace carrel;
using namespace carrel::commands::tests;
namespace fs = std::filesystem;

namespace {

std::string quoted(const fs::path& p) { return "'" + p.native() + "'"; }

fs::path make_book(const fs::path& folder, const std::string& name, const ingest::test::book& about) {
  ingest::test::write(folder / name, ingest::test::epub(about));
  return folder / name;
}

}  // namespace

TEST_CASE("a path that is not there does not keep the others out") {
  shell sh;
  fs::path good = make_book(harness::fresh_folder("books"), "good.epub", {});
  outcome mixed = sh.run("ingest --json " + quoted(good) + " /nonexistent");
  CHECK(mixed.status == 5);
  CHECK(mixed.says("\"status\":\"review\""));
  CHECK(mixed.says("\"code\":\"not_found\""));
  CHECK_FALSE(fs::exists(good));
  CHECK(sh.run("ingest --json /nonexistent").status == 3);
}

TEST_CASE("a book that waits for review in spite of --approve is named with the reason") {
  shell sh;
  fs::path folder = harness::fresh_folder("books");
  CHECK(sh.run("ingest --approve " + quoted(make_book(folder, "first.epub", {}))).status == 0);
  fs::path second = make_book(folder, "second.epub", {.title = "Another Title", .author = "Nobody"});
  outcome told = sh.run("ingest --approve " + quoted(second));
  CHECK(told.status == 0);
  CHECK(told.says("1 added (1 for review)"));
  CHECK(told.says("second.epub: waits for review, may be the same as book "));
}

TEST_CASE("the bytes of a trashed book are answered with the way to have it back") {
  shell sh;
  fs::path folder = harness::fresh_folder("books");
  CHECK(sh.run("ingest --approve " + quoted(make_book(folder, "a.epub", {.title = "Gone"}))).status == 0);
  CHECK(sh.run("book trash Gone").status == 0);
  outcome told = sh.run("ingest --approve " + quoted(make_book(folder, "b.epub", {.title = "Gone"})));
  CHECK(told.status == 0);
  CHECK(told.says("b.epub: its book lies in the trash. To have it back: carrel book untrash "));
}

TEST_CASE("doctor says that the drop folder cannot be used") {
  shell sh;
  outcome told = sh.run("--set ingest.drop_dir=/dev/null/drop doctor --json");
  CHECK(told.status == 1);
  CHECK(told.says("\"check\":\"drop_folder\",\"ok\":false"));
  CHECK(sh.run("doctor --json").says("\"check\":\"drop_folder\",\"ok\":true"));
  CHECK(sh.run("doctor --json").says("\"check\":\"pictures\",\"ok\":true"));
}
