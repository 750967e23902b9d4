// `carrel kepub` (contract.md 3): what it writes, what it refuses, and with which status.
#include "tests/integration/commands/shell.hpp"
#include "tests/integration/ingest/small_epub.hpp"

using namespace carrel;
using namespace carrel::commands::tests;
namespace fs = std::filesystem;

namespace {

std::string quoted(const fs::path& p) { return "'" + p.native() + "'"; }

}  // namespace

TEST_CASE("the room that conversions take is told, and they can be made anew") {
  shell sh;
  CHECK(sh.run("kepub-cache").says("0 conversions are known; 0.0 MiB of "));
  outcome told = sh.run("kepub-cache --rebuild --json");
  CHECK(told.status == 0);
  CHECK(told.says("\"queued\":0"));
  CHECK(sh.run("kepub-cache --what").status == 2);
}

TEST_CASE("a book is converted, and what was converted is copied") {
  shell sh;
  fs::path folder = harness::fresh_folder("books");
  fs::path book = folder / "book.epub", made = folder / "book.kepub.epub", again = folder / "again.kepub.epub";
  ingest::test::write(book, ingest::test::epub({.text = "It rained. Nobody came."}));
  outcome told = sh.run("kepub --json " + quoted(book) + " " + quoted(made));
  CHECK(told.status == 0);
  CHECK(told.says("\"spans\":"));
  CHECK(told.says("\"milliseconds\":"));
  outcome copied = sh.run("kepub " + quoted(made) + " " + quoted(again));
  CHECK(copied.status == 0);
  CHECK(copied.says("copied as it is"));
  CHECK(ingest::test::read(again) == ingest::test::read(made));
  CHECK(sh.run("kepub " + quoted(made) + " " + quoted(made)).status == 0);
  CHECK(ingest::test::read(again) == ingest::test::read(made));
}

TEST_CASE("hyphenation is as the setting says") {
  shell sh;
  fs::path folder = harness::fresh_folder("books");
  ingest::test::write(folder / "book.epub", ingest::test::epub({}));
  std::string files = quoted(folder / "book.epub") + " " + quoted(folder / "book.kepub.epub");
  std::vector<std::uintmax_t> sizes;
  for (const char* how : {"off", "never", "on"}) {
    CHECK(sh.run(std::string("--set kepub.hyphenation=") + how + " kepub " + files).status == 0);
    sizes.push_back(fs::file_size(folder / "book.kepub.epub"));
  }
  CHECK(sizes[0] < sizes[1]);
  CHECK(sizes[1] < sizes[2]);
  CHECK(sh.run("--set kepub.hyphenation=perhaps kepub " + files).status == 2);
  CHECK(sh.run("--set 'kepub.css=p { color: red }' --set kepub.fullscreen_fix=on --set kepub.smart_punctuation=on --set "
               "kepub.title_page=off kepub " +
               files)
            .status == 0);
  CHECK(fs::file_size(folder / "book.kepub.epub") > sizes[0]);
  CHECK(sh.run("--set 'kepub.css=</style>' kepub " + files).status == 2);
}

TEST_CASE("what is no book for it is refused with the reason, and nothing is left behind") {
  shell sh;
  fs::path folder = harness::fresh_folder("books");
  fs::path book = folder / "book.epub", broken = folder / "broken.epub", text = folder / "a.txt";
  fs::path out = folder / "out";
  fs::create_directory(out);
  std::string bytes = ingest::test::epub({});
  ingest::test::write(book, bytes);
  ingest::test::write(broken, bytes.substr(0, bytes.size() / 2));
  ingest::test::write(text, "It rained.");
  std::string to = quoted(out / "x.kepub.epub");
  outcome large = sh.run("--set kepub.max_size=100 kepub --json " + quoted(book) + " " + to);
  CHECK(large.status == 4);
  CHECK(large.says("\"code\":\"refused\""));
  CHECK(large.says("larger than"));
  CHECK(sh.run("kepub " + quoted(text) + " " + to).status == 4);
  outcome half = sh.run("kepub " + quoted(broken) + " " + to);
  CHECK(half.status == 1);
  CHECK_FALSE(half.err.empty());
  CHECK(sh.run("kepub " + quoted(folder / "none.epub") + " " + to).status == 3);
  CHECK(sh.run("kepub " + quoted(out) + " " + to).status == 1);
  CHECK(sh.run("kepub " + quoted(book) + " " + quoted(out)).status == 2);
  CHECK(sh.run("kepub " + quoted(book) + " " + quoted(out / "no" / "such" / "x.epub")).status == 1);
  CHECK(fs::is_empty(out));
  CHECK(ingest::test::read(book) == bytes);
}
