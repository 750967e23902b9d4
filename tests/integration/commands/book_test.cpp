#include "tests/integration/commands/shell.hpp"

using namespace carrel;
using namespace carrel::commands::tests;

namespace {
constexpr db::statement sql_accounts{"test.accounts", "select count(*) from users"};
}

TEST_CASE("books are found, shown and changed before anybody has an account") {
  shell sh;
  uuid book = sh.add_book("The Open Harbour");
  outcome found = sh.run("book find harbour --json");
  CHECK(found.status == 0);
  CHECK(found.says(book.text()));
  outcome shown = sh.run("book show 'The Open Harbour' --json");
  CHECK(shown.status == 0);
  CHECK(shown.text("id") == book.text());
  outcome changed = sh.run("book set " + book.text() + " title='The Closed Harbour' 'authors=Ada Fenwick; ' --json");
  CHECK(changed.status == 0);
  CHECK(changed.text("title") == "The Closed Harbour");
  CHECK(changed.says("\"authors\":[\"Ada Fenwick\"]"));
  CHECK(sh.run("book trash " + book.text() + " --json").out == "{\"trashed\":1}\n");
  CHECK(sh.run("book find --json").out == "[]\n");
  CHECK(sh.run("book untrash " + book.text() + " --json").out == "{\"restored\":1}\n");
  CHECK(sh.run("book show nothing").status == 3);
  CHECK(sh.run("book find --user nobody").status == 3);
  // Nobody has been left behind.
  CHECK(sh.write([](db::tx& tx) { return tx.run(sql_accounts)[0].integer(0); }) == 0);
}

TEST_CASE("with accounts books are those of the owner, or of the one that is named") {
  shell sh;
  uuid book = sh.add_book("Secret");
  sh.add_user("owner", library::role::owner);
  uuid child = sh.add_user("child", library::role::limited);
  sh.write([&](db::tx& tx) {
    json::object tags;
    tags.set("tags", std::vector<std::string>{"adult"});
    REQUIRE(library::edit_book(tx, book, tags, {}));
    library::limits limits;
    limits.hidden_tags = {"adult"};
    library::set_limits(tx, child, limits);
    return 0;
  });
  CHECK(sh.run("book find --json").says(book.text()));
  CHECK(sh.run("book find --user child --json").out == "[]\n");
  CHECK(sh.run("book show " + book.text() + " --user child").status == 3);
}

TEST_CASE("a title that several books have is ambiguous and names them all") {
  shell sh;
  uuid first = sh.add_book("Collected Poems"), second = sh.add_book("Collected Poems", "another edition");
  outcome o = sh.run("book show 'Collected Poems' --json");
  CHECK(o.status == 2);
  CHECK(o.says("\"code\":\"ambiguous\""));
  CHECK(o.says(first.text()));
  CHECK(o.says(second.text()));
  CHECK(sh.run("book show nothing --json").says("\"code\":\"not_found\""));
}

TEST_CASE("books are merged and taken apart, and a dry run changes nothing") {
  shell sh;
  uuid keep = sh.add_book("Rain"), other = sh.add_book("Rain again"), third = sh.add_book("Fog");
  std::string both = keep.text() + " 'Rain again'";
  outcome foreseen = sh.run("book merge " + both + " --dry-run --json");
  CHECK(foreseen.status == 0);
  CHECK(foreseen.says("\"merged\":[\"" + other.text() + "\"]"));
  CHECK(sh.run("book show 'Rain again'").status == 0);

  outcome merged = sh.run("book merge " + both + " --json");
  CHECK(merged.status == 0);
  CHECK(merged.says("\"files\":1"));
  CHECK(sh.run("book show " + other.text()).status == 3);
  outcome again = sh.run("book merge " + keep.text() + " " + other.text() + " --json");
  CHECK(again.status == 0);
  CHECK(again.says("\"merged\":[]"));
  CHECK(again.text("merge") == merged.text("merge"));
  CHECK(sh.run("book untrash " + other.text() + " --json").out == "{\"restored\":0}\n");

  CHECK(sh.run("book merge " + keep.text() + " " + keep.text()).status == 2);
  CHECK(sh.run("book merge " + keep.text() + " nothing").status == 3);
  CHECK(sh.run("book merge " + third.text() + " " + other.text()).status == 3);
  CHECK(sh.run("book merge Rain").status == 2);
  CHECK(sh.run("book merge Rain Fog --act swallow").status == 2);

  outcome later = sh.run("book merge " + third.text() + " " + keep.text() + " --json");
  CHECK(later.status == 0);
  outcome early = sh.run("book unmerge " + merged.text("merge") + " --json");
  CHECK(early.status == 4);
  CHECK(early.says(later.text("merge")));
  CHECK(sh.run("book unmerge Fog --json").says("\"restored\":[\"" + keep.text() + "\"]"));
  outcome apart = sh.run("book unmerge " + other.text() + " --json");  // by the book that was merged
  CHECK(apart.status == 0);
  CHECK(apart.says("\"left\":[]"));
  CHECK(sh.run("book show 'Rain again'").status == 0);
  CHECK(sh.run("book unmerge " + merged.text("merge") + " --json").says("\"restored\":[]"));
  CHECK(sh.run("book unmerge Rain").status == 3);
  CHECK(sh.run("book unmerge " + uuid::make().text()).status == 3);
}
