#include "tests/integration/commands/shell.hpp"

using namespace carrel;
using namespace carrel::commands::tests;

namespace {

constexpr db::statement sql_runs{"test.bulk_runs", "select count(*) from bulk_runs"};
constexpr db::statement sql_jobs{"test.bulk_jobs", "select count(*) from jobs where kind = 'bulk.run'"};

std::int64_t number(const outcome& o, const char* name) {
  std::int64_t n = -1;
  result<json::object> document = json::read_object(o.out);
  if (document) document->take(name, n);
  return n;
}

}  // namespace

TEST_CASE("book edit changes all that a search finds, and nothing when it is only tried") {
  shell sh;
  uuid one = sh.add_book("The Open Harbour"), two = sh.add_book("The Closed Harbour"), other = sh.add_book("Hill");
  sh.add_user("owner", library::role::owner);
  outcome tried = sh.run("book edit --where harbour publisher=Gale 'tags+=Sea; Night' --dry-run --json");
  CHECK(tried.status == 0);
  CHECK(number(tried, "to_change") == 2);
  CHECK(tried.says("\"dry_run\":true"));
  CHECK(tried.says("\"after\":[\"Sea\",\"Night\"]"));
  CHECK(sh.run("book show " + one.text() + " --json").says("\"publisher\":null"));
  CHECK(sh.write([](db::tx& tx) { return tx.run(sql_runs)[0].integer(0); }) == 0);

  outcome done = sh.run("book edit --where harbour publisher=Gale 'tags+=Sea; Night' --json");
  CHECK(done.status == 0);
  CHECK(number(done, "done") == 2);
  for (const uuid& book : {one, two}) CHECK(sh.run("book show " + book.text() + " --json").says("\"publisher\":\"Gale\""));
  CHECK_FALSE(sh.run("book show " + other.text() + " --json").says("Gale"));
  outcome again = sh.run("book edit --where harbour publisher=Gale --json");
  CHECK(again.status == 0);
  CHECK(number(again, "to_change") == 0);
}

TEST_CASE("book edit leaves locked fields alone unless it is told not to, and says so") {
  shell sh;
  uuid one = sh.add_book("The Open Harbour");
  sh.add_user("owner", library::role::owner);
  REQUIRE(sh.run("book set " + one.text() + " publisher=Gale").status == 0);
  outcome kept = sh.run("book edit --where harbour publisher=Tide --json");
  CHECK(kept.status == 0);
  CHECK(number(kept, "locked") == 1);
  CHECK(sh.run("book show " + one.text() + " --json").says("\"publisher\":\"Gale\""));
  CHECK(sh.run("book edit --where harbour publisher=Tide --locked").status == 0);
  CHECK(sh.run("book show " + one.text() + " --json").says("\"publisher\":\"Tide\""));
}

TEST_CASE("book edit works before there are accounts, and refuses what makes no sense") {
  shell sh;
  uuid one = sh.add_book("The Open Harbour");
  CHECK(sh.run("book edit --where harbour 'authors=Ada Fenwick'").status == 0);
  CHECK(sh.run("book edit --where harbour --locked 'authors:ada fenwick=Tomás Quill'").status == 0);
  CHECK(sh.run("book show " + one.text() + " --json").says("\"authors\":[\"Tomás Quill\"]"));
  CHECK(sh.write([](db::tx& tx) { return tx.run(sql_jobs)[0].integer(0); }) == 0);
  CHECK(sh.run("book edit --where nothing publisher=x --json").status == 3);
  CHECK(sh.run("book edit --where ' ' publisher=x").status == 2);
  CHECK(sh.run("book edit --where harbour title=").status == 2);
  CHECK(sh.run("book edit --where harbour published=soon").status == 2);
  CHECK(sh.run("book edit --where harbour nonsense").status == 2);
  CHECK(sh.run("book edit publisher=x").status == 2);
  CHECK(sh.run("book edit --where harbour").status == 2);
  sh.add_user("reader", library::role::reader);
  CHECK(sh.run("book edit --where harbour publisher=x --user reader").status == 4);
  CHECK_FALSE(sh.run("book show " + one.text() + " --json").says("\"publisher\":\"x\""));
}
