#include "tests/integration/commands/shell.hpp"

using namespace carrel;
using namespace carrel::commands::tests;

TEST_CASE("a word that is no command is named, with the one that may have been meant") {
  shell sh;
  auto complaint = [&](const char* words) {
    outcome o = sh.run(words);
    CHECK(o.status == 2);
    CHECK(o.out.empty());
    return o.err;
  };
  CHECK(complaint("frob") == "carrel: There is no command `carrel frob`. `carrel --help` lists what there is.\n");
  CHECK(complaint("ingets x") == "carrel: There is no command `carrel ingets`. Did you mean `carrel ingest`?\n");
  CHECK(complaint("shelf shwo x") == "carrel: There is no command `carrel shelf shwo`. Did you mean `carrel shelf show`?\n");
  CHECK(complaint("user shwo x") ==
        "carrel: There is no command `carrel user shwo`. `carrel user --help` lists what there is.\n");
  CHECK(complaint("--frob") == "carrel: There is no option --frob. `carrel --help` lists what there is.\n");
  outcome machine = sh.run("usr list --json");
  CHECK(machine.status == 2);
  CHECK(machine.says("Did you mean `carrel user`?"));
  // Nothing is wrong here but what is missing.
  CHECK(sh.run("user").err.find("subcommand is required") != std::string::npos);
}

TEST_CASE("a limit out of its range is refused and not bent") {
  shell sh;
  for (const char* limit : {"0", "1001", "-1"}) {
    outcome o = sh.run(std::string("book find --limit ") + limit);
    CHECK(o.status == 2);
    CHECK(o.err.find("1 to 1000") != std::string::npos);
  }
  CHECK(sh.run("book find --limit 1000 --json").out == "[]\n");
}
