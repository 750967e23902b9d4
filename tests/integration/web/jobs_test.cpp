#include <catch2/catch.hpp>

#include "server/jobs/queue.hpp"
#include "tests/integration/web/world.hpp"

using namespace carrel;
using namespace carrel::web::tests;

TEST_CASE("files that are taken in are told of as a whole, with their pace, and can be paused") {
  world w;
  client c = w.as("librarian");
  CHECK_FALSE(c.get("/jobs").says("Files being taken in"));
  CHECK(c.get(c.post("/jobs/files/pause").header("Location")).says("It was so already."));  // there is nothing to pause
  w.write([](db::tx& tx) {
    for (int i = 0; i < 60; ++i) jobs::enqueue(tx, "ingest.file", std::to_string(i), {{"name", "one of many"}});
    jobs::enqueue(tx, "store.sweep", "", {});
  });
  w.number(
      "update jobs j set state = case when n = 1 then 'failed' else 'done' end, started_at = now() - interval '10 s', done_at = "
      "now()"
      " from (select id, row_number() over (order by id) as n from jobs where kind = 'ingest.file') s"
      " where s.id = j.id and n <= 20 returning 1");
  auto page = c.get("/jobs");
  CHECK(page.says("40 files are left, 19 done since yesterday"));
  CHECK(page.says("1 could not be taken in</a>"));
  CHECK(page.says("2 a second, 1 min left"));
  CHECK(page.says("Tidy up"));                                    // is not lost behind them
  const std::string name = R"(<span class="break">one of many)";  // of the one that failed, and of none that waits
  REQUIRE(page.says(name));
  CHECK(page.body.find(name) == page.body.rfind(name));

  auto paused = c.post("/jobs/files/pause");
  CHECK(paused.status == 303);
  CHECK(c.get(paused.header("Location")).says("What is in hand is finished"));
  CHECK(c.get("/jobs").says("Files wait where they are until you let it go on"));
  CHECK_FALSE(c.get("/jobs").says("a second"));
  CHECK(c.get(c.post("/jobs/files/resume").header("Location")).says("It goes on."));
  CHECK_FALSE(c.get("/jobs").says("Files wait where"));
  client reader = w.as("reader");
  CHECK(reader.post("/jobs/files/pause").status == 404);
}

TEST_CASE("a job that runs tells its pace") {
  world w;
  client c = w.as("librarian");
  w.write([](db::tx& tx) { jobs::enqueue(tx, "library.verify", "a", {}); });
  w.number(
      "update jobs set state = 'running', progress_done = 300, progress_total = 900, started_at = now() - interval '600 s' "
      "returning "
      "1");
  CHECK(c.get("/jobs").says("300 of 900, 30 a minute, 20 min left"));
}
