// What `carrel covers` says to people and programs, and its exit status.
#include "tests/integration/commands/shell.hpp"
#include "tests/integration/ingest/small_epub.hpp"

using namespace carrel;
using namespace carrel::commands::tests;
namespace fs = std::filesystem;

TEST_CASE("covers are counted, looked for and cut again") {
  shell sh;
  fs::path folder = fs::absolute(harness::fresh_folder("covers"));
  ingest::test::write(folder / "bare.epub", ingest::test::epub({.title = "Bare"}));
  REQUIRE(sh.run("ingest --approve --json '" + folder.native() + "'").status == 0);
  CHECK(sh.run("covers --json").out == "{\"covers\":0,\"bytes\":0,\"cached_bytes\":0,\"books_without\":1}\n");
  CHECK(sh.run("covers").says("1 books have none"));
  outcome o = sh.run("covers --missing --json");
  CHECK(o.status == 0);
  CHECK(o.out == "{\"books\":1,\"found\":0,\"unreadable\":0,\"interrupted\":false}\n");
  CHECK(sh.run("covers --missing --dry-run").says("0 would have one now"));
  CHECK(sh.run("covers --rebuild --json").out == "{\"removed_bytes\":0}\n");
  CHECK(sh.run("covers --rebuild --missing").status == 2);
}
