// kill -9 in the middle of a change of many books, and of its undo: what is left is done afterwards, and nothing twice.
#include <signal.h>

#include <catch2/catch.hpp>

#include "tests/harness/database.hpp"
#include "tests/harness/eventually.hpp"
#include "tests/integration/program/carrel.hpp"
#include "tests/integration/web/client.hpp"

using namespace carrel;
using namespace carrel::program::tests;
using browser = web::tests::client;
namespace fs = std::filesystem;

namespace {

constexpr int books = 1500;

browser signed_in(unsigned port, const account& a) {
  browser b(port);
  json::object words{{"name", a.name}, {"password", a.password}};
  web::tests::reply r = b.send("POST", "/api/v1/session", json::dump(words), {{"Content-Type", "application/json"}});
  REQUIRE(r.status == 200);
  b.csrf = r.text("csrf");
  return b;
}

void fill(const library_of& lib) {
  std::string n = std::to_string(books);
  std::int64_t made = lib.number(
      "with made as (insert into books (id, status, title, title_key, search_vector) "
      "select gen_random_uuid(), 'organized', 'Harbour ' || n, 'harbour ' || n, to_tsvector('simple', 'harbour') "
      "from generate_series(1, " +
      n + ") n returning 1) select count(*) from made");
  REQUIRE(made == books);
}

std::int64_t changed(const library_of& lib) { return lib.number("select count(*) from books where publisher = 'Gale'"); }

// So many, but not all of them yet.
bool is_halfway(const library_of& lib, std::int64_t from, std::int64_t to) {
  return harness::eventually([&] {
    std::int64_t n = changed(lib);
    return n > from && n < to;
  });
}

}  // namespace

TEST_CASE("a change of many books that is killed goes on, and so does its undo") {
  fs::path data = harness::fresh_folder("bulk");
  auto first = std::make_unique<server>(data);
  account a = add_owner(data);
  library_of lib(data);
  fill(lib);
  first->send(SIGTERM);
  REQUIRE(first->wait() == 0);

  // A command, killed while no server runs: the next server goes on with it.
  process command(data, {}, {"book", "edit", "--where", "harbour", "publisher=Gale"});
  REQUIRE(is_halfway(lib, 40, books));
  command.kill();
  REQUIRE(changed(lib) < books);
  auto second = std::make_unique<server>(data);
  REQUIRE(harness::eventually([&] { return lib.number("select count(*) from bulk_runs where state = 'done'") == 1; },
                              std::chrono::seconds{60}));
  CHECK(changed(lib) == books);
  CHECK(lib.number("select done from bulk_runs") == books);
  CHECK(lib.number("select count(*) from audit where action = 'book.edit'") == books);
  CHECK(lib.number("select count(*) from books where version = 2") == books);

  // A server, killed while it takes all of it back.
  browser b = signed_in(second->port(), a);
  std::string run = b.api("GET", "/bulk").json().find("items")->as_array()->front().as_object()->find("id")->as_text()->c_str();
  REQUIRE(b.api("POST", "/bulk/" + run + "/undo").status == 202);
  REQUIRE(is_halfway(lib, 0, books - 40));
  second->kill();
  REQUIRE(changed(lib) > 0);
  // Its lease has run out when the next one looks.
  lib.number("with old as (update jobs set lease_until = now() where state = 'running' returning 1) select count(*) from old");
  server third(data);
  REQUIRE(harness::eventually([&] { return lib.number("select count(*) from bulk_runs where state = 'undone'") == 1; },
                              std::chrono::seconds{60}));
  CHECK(changed(lib) == 0);
  CHECK(lib.number("select undone from bulk_runs") == books);
  CHECK(lib.number("select count(*) from audit where action = 'book.undo'") == books);
  CHECK(lib.number("select count(*) from books where locked_fields <> '{}' or field_sources <> '{}'") == 0);
}
