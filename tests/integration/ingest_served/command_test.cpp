#include <algorithm>
#include <catch2/catch.hpp>

#include "tests/integration/ingest/small_epub.hpp"
#include "tests/integration/ingest_served/served.hpp"

using namespace carrel;
using namespace carrel::ingest::served;
using carrel::ingest::test::epub;
using carrel::ingest::test::write;

namespace {

std::size_t rows(const json::object& o, std::string_view name) { return o.find(name)->as_array()->size(); }

std::string error_code(const printed& p) {
  json::object document = p.document();
  const json::value* error = document.find("error");
  return error && error->as_object() ? text_of(*error->as_object(), "code") : "";
}

void run_as_administrator(const std::string& sql) {
  db::pool p({.url = harness::cluster_url(), .connections = 1});
  p.read_now([&](db::tx& tx) { tx.script(sql); });
}

}  // namespace

TEST_CASE("with --json every failure is one JSON object with its code and message") {
  house h;
  auto check = [&](const std::vector<std::string>& words, int status, const std::string& code) {
    printed p = h.run(words);
    INFO(words.front() << ": " << p.out << p.err);
    CHECK(p.status == status);
    CHECK(error_code(p) == code);
    CHECK(std::count(p.out.begin(), p.out.end(), '\n') == 1);
    CHECK_FALSE(p.err.empty());
  };
  check({"ingest", "--json", "/nowhere/x.epub"}, 3, "not_found");
  check({"book", "show", "nothing", "--json"}, 3, "not_found");
  check({"ingest", "--json"}, 2, "usage");
  check({"nonsense", "--json"}, 2, "usage");
  check({"--json", "--set", "no.such.key=1", "doctor"}, 2, "usage");
  check({"job", "retry", "x", "--json"}, 2, "usage");

  house away;
  away.environment.emplace_back("CARREL_DATABASE_URL=host=127.0.0.1 port=1 dbname=x connect_timeout=2");
  std::swap(away.environment[2], away.environment.back());
  away.environment.pop_back();
  printed p = away.run({"book", "find", "x", "--json"});
  CHECK(p.status == 1);
  CHECK_FALSE(error_code(p).empty());
  CHECK(h.run({"book", "show", "nothing"}).out.empty());  // without --json nothing but the message
}

TEST_CASE("ingest --dry-run prints what would happen and changes nothing") {
  house h;
  write(h.inbox / "a.epub", epub({}));
  write(h.inbox / "b.epub", "PK\3\4 nothing");
  printed p = h.run({"ingest", "--dry-run", "--json", "--approve", h.inbox.native()});
  CHECK(p.status == 5);
  json::object document = p.document();
  CHECK(rows(document, "added") == 1);
  CHECK(rows(document, "failed") == 1);
  CHECK(h.number("select (select count(*) from books) + (select count(*) from ingest_items)") == 0);
  CHECK(fs::exists(h.inbox / "a.epub"));
  CHECK(h.run({"ingest", "--dry-run", h.inbox.native()}).out.find("a.epub: new") != std::string::npos);
}

TEST_CASE("ingest that loses the database says what it had done") {
  house h;
  for (int i = 0; i < 600; ++i) {
    std::string n = std::to_string(i);
    write(h.inbox / (n + ".epub"), epub({.title = n, .author = "Author " + n, .text = n}));
  }
  process command(h.folder, {"ingest", "--json", "--keep", h.inbox.native()}, h.environment);
  REQUIRE(eventually([&] { return h.number("select count(*) from books") > 20; }));
  run_as_administrator("alter database " + h.database.name() + " allow_connections false");
  run_as_administrator("select pg_terminate_backend(pid) from pg_stat_activity where datname = '" + h.database.name() + "'");
  printed p = command.wait();
  run_as_administrator("alter database " + h.database.name() + " allow_connections true");
  INFO(p.err);
  CHECK(p.status == 5);
  CHECK(error_code(p) == "database");
  json::object document = p.document();
  CHECK(rows(document, "added") > 10);
  CHECK(rows(document, "added") < 600);
  // A second run does the rest.
  printed again = h.run({"ingest", "--json", "--keep", h.inbox.native()});
  CHECK(again.status == 0);
  CHECK(h.number("select count(*) from books") == 600);
}
