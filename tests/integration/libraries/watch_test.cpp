#include "in_place.hpp"
#include "ingest/in_place_watch.hpp"

using namespace carrel;
using namespace carrel::ingest;
using namespace carrel::ingest::test;

namespace {

// Folders are looked at every few seconds, and a busy machine takes its time.
template <class F>
bool some_time(F holds) {
  return eventually(holds, std::chrono::seconds{90});
}

struct watched {
  explicit watched(bool poll_only) : bell(t.b.database.url()), workers(t.b.pool, bell, 1, "test") {
    t.b.with.how.poll_only = poll_only;
    t.b.with.how.scan_every = poll_only ? std::chrono::milliseconds(200) : std::chrono::milliseconds(3'600'000);
    register_library_jobs(workers, t.b.with);
    workers.start();
    eyes.emplace(t.b.with);
    eyes->start();
    REQUIRE(eventually([&] { return eyes->active(); }));
    REQUIRE(eventually([&] { return t.b.number("select count(*) from libraries where scanned_at is not null") == 1; }));
  }
  ~watched() {
    eyes->stop();
    workers.stop();
  }
  in_place t;
  db::notifier bell;
  jobs::workers workers;
  std::optional<library_watcher> eyes;
};

}  // namespace

TEST_CASE("what is put into the folder becomes a book, what leaves it is missing, by inotify and by looking") {
  for (bool poll_only : {false, true}) {
    watched w(poll_only);
    INFO("poll only " << poll_only);
    in_place& t = w.t;
    t.put("x.epub");
    CHECK(some_time([&] { return t.books() == 1; }));
    t.put("new folder/deep/y.epub", {.title = "Y", .text = "Of y."});
    CHECK(some_time([&] { return t.books() == 2; }));
    fs::rename(t.root / "x.epub", t.root / "new folder/moved.epub");
    CHECK(some_time([&] { return !t.column("id", "new folder/moved.epub").empty(); }));
    fs::remove(t.root / "new folder/moved.epub");
    CHECK(some_time([&] { return t.b.number("select count(*) from book_files where missing_since is not null") == 1; }));
    CHECK(t.books() == 2);
  }
}

TEST_CASE("a file that is still being written is not read before it is whole") {
  watched w(true);
  in_place& t = w.t;
  std::string bytes = epub({});
  write(t.root / "x.epub", bytes.substr(0, bytes.size() / 2));
  CHECK(some_time([&] { return t.b.number("select count(*) from library_files where read_at is not null") == 1; }));
  CHECK(t.places() == "x.epub waiting");
  write(t.root / "x.epub", bytes);
  CHECK(some_time([&] { return t.books() == 1; }));
  CHECK(t.b.number("select count(*) from library_files where state = 'refused'") == 0);
}
