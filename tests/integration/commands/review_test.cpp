#include "tests/integration/commands/shell.hpp"

using namespace carrel;
using namespace carrel::commands::tests;

namespace {

constexpr db::statement sql_wait{"test.wait", "update books set status = 'review', approved_at = null where id = $1"};
constexpr db::statement sql_doubt{"test.doubt", "update books set possible_duplicate_of = $2 where id = $1"};
constexpr db::statement sql_status{"test.status", "select status::text, deleted_at is not null from books where id = $1"};

struct desk : shell {
  uuid waiting(const std::string& title) {
    uuid id = add_book(title);
    write([&](db::tx& tx) { tx.run(sql_wait, id); });
    return id;
  }
  std::string status(const uuid& id) {
    return write([&](db::tx& tx) {
      db::rows rows = tx.run(sql_status, id);
      return rows[0].flag(1) ? std::string("trash") : rows[0].text(0);
    });
  }
};

json::array list_of(const outcome& o) { return *json::parse(o.out).value().as_array(); }

}  // namespace

TEST_CASE("the inbox is listed and shown with how sure its sources are, where it goes, and what they say") {
  desk d;
  d.add_book("There");
  CHECK(d.run("review list --json").out == "[]\n");
  uuid id = d.waiting("The Open Harbour");
  outcome listed = d.run("review list --json");
  CHECK(listed.status == 0);
  REQUIRE(list_of(listed).size() == 1);
  json::object first = *list_of(listed)[0].as_object();
  std::string text;
  CHECK(first.take("book", text));
  CHECK(text == id.text());
  double sure = 0;
  CHECK(first.take("confidence", sure));
  CHECK(sure == Approx(0.55));  // without an author, and its title is no more than its name (ingest.md 18.1)
  CHECK(listed.says(R"("destination":"library/x")"));
  CHECK(d.run("review list").says("55 %"));

  outcome shown = d.run("review show 'The Open Harbour' --json");
  CHECK(shown.status == 0);
  CHECK(shown.says(R"({"field":"title","value":"The Open Harbour","locked":false)"));
  CHECK(shown.says(R"("source":"embedded")"));
  CHECK(d.run("review show nothing").status == 3);
}

TEST_CASE("books are approved one by one, each with its own result, and a dry run changes nothing") {
  desk d;
  uuid one = d.waiting("One"), two = d.waiting("Two"), there = d.add_book("There");
  CHECK(d.run("review approve").status == 2);
  outcome tried = d.run("review approve One Two --dry-run --json");
  CHECK(tried.status == 0);
  CHECK(list_of({.status = 0, .out = json::dump(*json::read_object(tried.out)->find("approved")), .err = ""}).size() == 2);
  CHECK(d.status(one) == "review");

  outcome some = d.run("review approve One There --json");
  CHECK(some.status == 5);
  CHECK(some.says(R"("failed":[{"book":")" + there.text() + R"(","title":"There","code":"already")"));
  CHECK(d.status(one) == "organized");
  CHECK(d.run("review approve One --json").status == 4);

  d.write([&](db::tx& tx) { tx.run(sql_doubt, two, one); });
  outcome all = d.run("review approve --all --json");
  CHECK(all.status == 4);
  CHECK(all.says("\"code\":\"possible_duplicate\""));
  CHECK(d.status(two) == "review");
  CHECK(d.run("review approve --all Two").status == 0);  // who names it has looked
  CHECK(d.status(two) == "organized");
  CHECK(d.run("review approve --all").out == "Nothing waits.\n");
}

TEST_CASE("rejected books lie in the trash, and what does not wait is not rejected") {
  desk d;
  uuid one = d.waiting("One"), there = d.add_book("There");
  CHECK(d.run("review reject One --dry-run --json").out == "{\"rejected\":1}\n");
  CHECK(d.status(one) == "review");
  CHECK(d.run("review reject One There --json").out == "{\"rejected\":1}\n");
  CHECK(d.status(one) == "trash");
  CHECK(d.status(there) == "organized");
  CHECK(d.run("review reject There").status == 4);
  CHECK(d.run("review reject nothing").status == 3);
}
