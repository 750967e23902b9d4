#include "server/db/migrate.hpp"

#include <atomic>
#include <thread>

#include "tests/harness/database.hpp"

using namespace carrel;
using db::migration;
using db::statement;

namespace {

const std::vector<migration> first{{1, "books", "create table books (id int); insert into books values (1)"},
                                   {2, "people", "create table people (id int)"}};

std::vector<migration> with(migration more) {
  std::vector<migration> out = first;
  out.push_back(more);
  return out;
}

struct fixture {
  harness::database database;
  db::pool pool{{.url = database.url(), .connections = 2}};
  std::int64_t number(const char* sql) {
    std::int64_t out = 0;
    const std::string name = std::string("test.migrate.") + sql;
    pool.read_now([&](db::tx& t) { out = t.run(statement{name.c_str(), sql})[0].integer(0); });
    return out;
  }
};

}  // namespace

TEST_CASE("migrations are applied once, in order, and are on record") {
  fixture f;
  db::schema_state before = db::state_of_schema(f.pool, first);
  CHECK(before.applied == 0);
  CHECK(before.known == 2);
  CHECK(before.pending == std::vector<std::string>{"0001_books", "0002_people"});

  for (int i = 0; i < 2; ++i) {
    auto done = db::migrate(f.pool, first);
    REQUIRE(done.ok());
    CHECK(done->applied == 2);
    CHECK(done->pending.empty());
  }
  CHECK(f.number("select count(*) from books") == 1);
  CHECK(f.number(
            "select count(*) from schema_migrations where length(checksum) = 64 and applied_at > now() - interval '1 minute'") ==
        2);

  auto done = db::migrate(f.pool, with({3, "more", "alter table books add column title text"}));
  REQUIRE(done.ok());
  CHECK(done->applied == 3);
}

TEST_CASE("several processes may migrate at the same moment") {
  fixture f;
  const std::vector<migration> slow = with({3, "slow", "select pg_sleep(0.2); create table slow (id int)"});
  std::atomic<int> good{0};
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      db::pool own({.url = f.database.url(), .connections = 1});
      auto done = db::migrate(own, slow);
      if (done && done->applied == 3) ++good;
    });
  }
  for (auto& t : threads) t.join();
  CHECK(good == 4);
  CHECK(f.number("select count(*) from books") == 1);
}

TEST_CASE("a migration that was changed after it was applied is refused") {
  fixture f;
  REQUIRE(db::migrate(f.pool, first).ok());
  std::vector<migration> changed = first;
  changed[1].sql = "create table people (id bigint)";
  auto done = db::migrate(f.pool, changed);
  REQUIRE_FALSE(done);
  CHECK(done.error().reason.find("0002_people") != std::string::npos);
}

TEST_CASE("a database of a newer release is refused") {
  fixture f;
  REQUIRE(db::migrate(f.pool, with({3, "later", "create table later (id int)"})).ok());
  auto done = db::migrate(f.pool, first);
  REQUIRE_FALSE(done);
  CHECK(done.error().reason.find("newer") != std::string::npos);
  CHECK(done.error().reason.find("0003_later") != std::string::npos);
}

TEST_CASE("a migration that fails is named and leaves nothing of itself, but all before it") {
  fixture f;
  auto done = db::migrate(f.pool, with({3, "broken", "create table half (id int); create tabel other (id int)"}));
  REQUIRE_FALSE(done);
  CHECK(done.error().reason.find("0003_broken") != std::string::npos);
  CHECK(done.error().reason.find("tabel") != std::string::npos);
  CHECK(db::state_of_schema(f.pool, first).applied == 2);
  CHECK(f.number("select count(*) from pg_class where relname = 'half'") == 0);
}

TEST_CASE("a database that is away throws lost") {
  db::pool p({.url = "host=/nonexistent dbname=x", .connections = 1});
  CHECK_THROWS_AS(db::migrate(p, first), db::lost);
}
