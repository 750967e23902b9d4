// A full disk under the store while a folder is read in place (ingest.md 24.7): nothing is lost, and it goes on by itself.

#include "in_place.hpp"
#include "server/jobs/queue.hpp"
#include "tests/integration/ingest/unshared.hpp"
#include "tests/unit/publication/zip_maker.hpp"

using namespace carrel;
using namespace carrel::ingest;
using namespace carrel::ingest::test;

namespace {

// A cover that is larger than the disk: a reader of PNG ends before what is behind its end.
std::string large_cover() {
  std::string out = publication::test::make_png(400, 600);
  std::uint32_t number = 1;
  for (int i = 0; i < 600'000; ++i) out += static_cast<char>((number = number * 1664525 + 1013904223) >> 24);
  return out;
}

}  // namespace

TEST_CASE("a book whose cover finds no room waits, its file as it was, and comes in when there is room") {
  in_place t;
  t.put("big.epub", {.title = "Big", .cover = large_cover()});
  std::string before = t.state_of_folder();
  std::string mount = "mount -t tmpfs -o size=256k none '" + t.b.data.native() + "'";
  if (unshared(mount) != 0) {
    WARN("no file system of a given size can be made here");
    return;
  }
  std::string scan = std::string("'") + INGEST_HELPER + "' scan '" + t.b.database.url() + "' '" + t.b.data.native() + "' '" +
                     t.b.store.cache().native() + "' 99 1 Tree 2> '" + (t.b.folder / "said").native() + "'";
  CHECK(unshared(mount + " && " + scan) == 75);
  INFO(read(t.b.folder / "said"));
  CHECK(t.books() == 0);
  CHECK(t.places() == "big.epub waiting");
  CHECK(t.b.number("select count(*) from covers") == 0);
  CHECK(t.state_of_folder() == before);
  CHECK(t.scan().added == 1);
  CHECK(t.b.number("select count(*) from books where cover_id is not null") == 1);
  CHECK(t.state_of_folder() == before);
}

TEST_CASE("without room the scan is put off, not failed, and reads nothing") {
  in_place t;
  t.put("x.epub", {.title = "X"});
  t.b.with.how.reserve = std::uint64_t{1} << 62;
  uuid job = t.b.pool.write_now([&](db::tx& tx) { return enqueue_scan(tx, t.is, false); });
  db::notifier bell(t.b.database.url());
  jobs::workers w(t.b.pool, bell, 1, "test");
  register_library_jobs(w, t.b.with);
  REQUIRE(w.run_one());
  auto row = t.b.pool.read_now([&](db::tx& tx) { return jobs::find_job(tx, job); });
  REQUIRE(row);
  CHECK(row->state == "waiting");
  CHECK(row->attempts == 0);
  CHECK(t.books() == 0);
  CHECK(t.places() == "x.epub waiting");
  t.b.with.how.reserve = 0;
  t.b.pool.write_now([](db::tx& tx) { tx.script("update jobs set run_at = now()"); });
  while (w.run_one()) {
  }
  CHECK(t.books() == 1);
}
