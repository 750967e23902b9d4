// What befalls files while they are read in place (ingest.md 21, 24): each is accounted for afterwards, and no book is there
// twice.

#include <atomic>
#include <fstream>
#include <functional>

#include "in_place.hpp"

using namespace carrel;
using namespace carrel::ingest;
using namespace carrel::ingest::test;

namespace {

// What somebody does when a reader has come to a step, the first time.
struct meddling {
  meddling(in_place& t, step when, std::function<void()> what) : bench(t) {
    now = this;
    at = when;
    act = std::move(what);
    bench.b.with.reached = [](step s) {
      if (now != nullptr && s == now->at && !now->done.exchange(true)) now->act();
    };
  }
  ~meddling() {
    bench.b.with.reached = nullptr;
    now = nullptr;
  }
  meddling(const meddling&) = delete;
  meddling& operator=(const meddling&) = delete;

  static meddling* now;
  in_place& bench;
  step at{};
  std::function<void()> act;
  std::atomic<bool> done = false;
};
meddling* meddling::now = nullptr;

constexpr int count = 6;

void fill(in_place& t) {
  for (int i = 0; i < count; ++i)
    t.put("d" + std::to_string(i % 2) + "/" + std::to_string(i) + ".epub",
          {.title = "Title " + std::to_string(i), .text = "Words of " + std::to_string(i)});
}

void check_all_there(in_place& t, int books = count) {
  CHECK(t.books() == books);
  CHECK(t.b.number("select count(*) from book_files where missing_since is null") == books);
  CHECK(t.b.number("select count(*) from library_files where state = 'book' and missing_since is null") == books);
}

}  // namespace

TEST_CASE("a file that is written to while it is read in place is read as it is then") {
  in_place t;
  fs::path file = t.put("x.epub", {.title = "Before"});
  std::string after = epub({.title = "After", .text = "Other words, and more of them."});
  t.look();
  {
    meddling m(t, step::hashed, [&] { std::ofstream(file, std::ios::binary | std::ios::trunc) << after; });
    read_counts c = read_waiting(t.b.with, t.is, {});
    CHECK(m.done);
    CHECK(c.later == 1);
    CHECK(t.books() == 0);
  }
  t.scan();
  check_all_there(t, 1);
  CHECK(t.b.text("select title from books") == "After");
  CHECK(read(file) == after);
}

TEST_CASE("a share that goes away while its files are read: none is lost, and none is there twice when it is back") {
  for (step s : {step::hashed, step::stored}) {
    INFO("step " << static_cast<int>(s));
    in_place t;
    fill(t);
    fs::path away = t.b.folder / "away";
    t.look();
    {
      meddling m(t, s, [&] { fs::rename(t.root, away); });
      read_waiting(t.b.with, t.is, {});
      CHECK(m.done);
    }
    CHECK(t.books() < count);
    CHECK(t.look().trouble == "folder_unavailable");
    fs::create_directories(t.root);  // what is left of a share is an empty folder
    CHECK(t.look().trouble == "folder_unavailable");
    CHECK(t.b.number("select count(*) from library_files where missing_since is null") == count);
    CHECK(t.b.number("select count(*) from book_files where missing_since is not null") == 0);
    fs::remove(t.root);
    fs::rename(away, t.root);
    std::string before = t.state_of_folder();
    t.scan();
    check_all_there(t);
    CHECK(t.state_of_folder() == before);
  }
}

TEST_CASE("a file that cannot be read is named where it lies, and is a book when it can be") {
  in_place t;
  fill(t);
  fs::path closed = t.root / "d0" / "0.epub";
  fs::permissions(closed, fs::perms::none);
  t.scan();
  CHECK(t.books() == count - 1);
  CHECK(t.b.text("select code from library_files where state = 'refused'") == "source_unreadable");
  fs::permissions(closed, fs::perms::owner_read);
  fs::last_write_time(closed, fs::last_write_time(closed) + std::chrono::seconds(1));
  t.scan();
  check_all_there(t);
}
