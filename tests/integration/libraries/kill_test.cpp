// kill -9, pause and resume while a library is read.

#include <csignal>

#include "helper.hpp"
#include "in_place.hpp"
#include "server/jobs/queue.hpp"

using namespace carrel;
using namespace carrel::ingest;
using namespace carrel::ingest::test;

namespace {

constexpr int count = 12;

void fill(in_place& t) {
  for (int i = 0; i < count; ++i)
    t.put("d" + std::to_string(i % 3) + "/" + std::to_string(i) + ".epub",
          {.title = "Title " + std::to_string(i), .text = "Words of " + std::to_string(i)});
}

struct service {
  explicit service(in_place& t) : bell(t.b.database.url()), workers(t.b.pool, bell, 1, "test") {
    register_library_jobs(workers, t.b.with);
    workers.start();
  }
  ~service() { workers.stop(); }
  db::notifier bell;
  jobs::workers workers;
};

}  // namespace

TEST_CASE("killed while it reads, a library is complete after the next scan and has no book twice") {
  for (step s : {step::hashed, step::stored}) {
    for (int times : {1, 5, count}) {
      in_place t;
      INFO("step " << static_cast<int>(s) << " at the " << times);
      fill(t);
      std::string before = t.state_of_folder();
      CHECK(run_helper(t, s, times) == SIGKILL);
      CHECK(t.books() < count + (s == step::stored ? 1 : 0));
      t.scan();
      CHECK(t.books() == count);
      CHECK(t.b.number("select count(*) from book_files") == count);
      CHECK(t.b.number("select count(*) from library_files where state = 'book' and file_id is not null") == count);
      CHECK(t.look().unchanged == count);
      CHECK(t.state_of_folder() == before);
    }
  }
}

TEST_CASE("a paused scan ends after the files in hand and goes on when it is resumed") {
  in_place t;
  fill(t);
  uuid job = t.b.pool.write_now([&](db::tx& tx) { return enqueue_scan(tx, t.is, false); });
  CHECK(t.b.pool.write_now([&](db::tx& tx) { return jobs::pause_job(tx, job); }));
  service s(t);
  auto state = [&] { return t.b.text("select state from jobs"); };
  CHECK(state() == "paused");
  CHECK(t.b.pool.write_now([&](db::tx& tx) { return enqueue_scan(tx, t.is, true); }) == job);
  CHECK(t.b.pool.write_now([&](db::tx& tx) { return jobs::resume_job(tx, job); }));
  CHECK(eventually([&] { return state() == "done"; }));
  CHECK(t.books() == count);
  CHECK_FALSE(t.b.pool.write_now([&](db::tx& tx) { return jobs::pause_job(tx, job); }));
}

TEST_CASE("a scan that is told to stop keeps what it has read") {
  in_place t;
  fill(t);
  t.look();
  std::int64_t seen = 0;
  read_options how{.stop = [&] { return seen >= 4; },
                   .tell =
                       [&](std::int64_t done, std::int64_t all) {
                         seen = done;
                         CHECK(all == count);
                       }};
  read_waiting(t.b.with, t.is, how);
  std::int64_t have = t.books();
  CHECK(have >= 4);
  CHECK(have < count);
  t.scan();
  CHECK(t.books() == count);
}

TEST_CASE("of two processes that scan, one reads and the other comes later") {
  in_place t;
  fill(t);
  service one(t), two(t);
  t.b.pool.write_now([&](db::tx& tx) { return enqueue_scan(tx, t.is, false); });
  CHECK(eventually([&] { return t.b.text("select state from jobs") == "done"; }));
  CHECK(t.books() == count);
}
