// Files that somebody else owns, or has another name for.

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <catch2/catch.hpp>

#include "household.hpp"
#include "ingest/paths.hpp"
#include "ingest/upload.hpp"

using namespace carrel;
using namespace carrel::ingest;
using namespace carrel::ingest::test;

namespace {

struct stat facts_of(const fs::path& p) {
  struct stat out {};
  REQUIRE(::lstat(p.c_str(), &out) == 0);
  return out;
}

void write_more(const fs::path& p) {
  int fd = ::open(p.c_str(), O_WRONLY | O_APPEND | O_CLOEXEC);
  REQUIRE(fd >= 0);
  REQUIRE(::write(fd, "evil", 4) == 4);
  ::close(fd);
}

// Stops after the source is in staging, as a crash does.
struct stopped {};
void stop_in_staging(step s) {
  if (s == step::in_staging) throw stopped{};
}

}  // namespace

TEST_CASE("a book whose file has another name outside cannot be changed through it") {
  household h;
  std::string bytes = epub({});
  bool dropped = GENERATE(true, false);
  fs::path mine = h.b.folder / "mine.epub";
  write(mine, bytes);
  fs::path source = dropped ? h.drop() / "x.epub" : h.b.inbox / "x.epub";
  fs::create_hard_link(mine, source);
  if (!dropped) CHECK(h.b.take({source}, false).added.size() == 1);
  REQUIRE(eventually([&] { return h.b.number("select count(*) from ingest_items where source_done") == 1; }));
  write_more(mine);
  CHECK_FALSE(fs::exists(source));
  REQUIRE(h.b.files("library").size() == 1);
  REQUIRE(h.b.files("attic").size() == 1);
  CHECK(read(h.b.files("library")[0]) == bytes);
  CHECK(read(h.b.files("attic")[0]) == bytes);
  CHECK(h.b.files("staging").empty());
}

TEST_CASE("a refused file with another name outside is copied to quarantine, and comes in from there as it was refused") {
  workbench b;
  std::string bytes = epub({});
  fs::path mine = b.folder / "mine.epub";
  write(mine, bytes);
  fs::create_hard_link(mine, b.inbox / "x.epub");
  publication::isolated::pool blind(helper_inspectors("crash"));
  services before{b.pool, b.store, blind, b.with.how};
  CHECK(codes(ingest_paths(before, {b.inbox}, {})) == "x.epub=inspection_crash ");
  write_more(mine);
  REQUIRE(b.files("quarantine").size() == 1);
  CHECK(read(b.files("quarantine")[0]) == bytes);
  CHECK(fs::is_empty(b.inbox));
}

TEST_CASE("a file of somebody else is not taken as it is, and where the kernel refuses a link to it there is a copy") {
  fs::path theirs = "/etc/passwd";
  if (facts_of(theirs).st_uid == ::geteuid()) {
    WARN("not for the owner of " << theirs);
    return;
  }
  workbench b;
  result<ingest::source> theirs_open = open_source(theirs);
  REQUIRE(theirs_open);
  CHECK_FALSE(library::ours_alone(theirs_open->handle.get()));
  fs::path kept = b.data / "attic" / "x";
  CHECK_FALSE(library::link_proven(theirs, kept));
  CHECK(read(kept) == read(theirs));
  CHECK(facts_of(kept).st_uid == ::geteuid());
  std::optional<error> taken = library::link_proven(theirs, kept);
  REQUIRE(taken);
  CHECK(taken->field == "target_exists");
}

TEST_CASE("an interrupted source that turns out to be a duplicate is not given up before it is in the attic") {
  workbench b;
  std::string bytes = epub({});
  write(b.inbox / "x.epub", bytes);
  b.with.reached = stop_in_staging;
  CHECK_THROWS_AS(b.take({b.inbox}, false), stopped);
  b.with.reached = nullptr;
  uuid item = *uuid::parse(b.text("select id::text from ingest_items"));
  write(b.data / "staging" / "upload-y", bytes);
  accept_upload(b.with, b.data / "staging" / "upload-y", "y.epub", std::nullopt);
  {
    db::notifier bell(b.database.url());
    jobs::workers w(b.pool, bell, 1, "test");
    register_jobs(w, b.with);
    while (w.run_one()) {
    }
  }
  REQUIRE(b.number("select count(*) from books") == 1);

  write(b.data / "attic" / item.text(), "in the way");
  b.recover();
  CHECK(b.text("select state from ingest_items where display_name = 'x.epub'") == "failed");
  REQUIRE(b.files("staging").size() == 1);
  CHECK(read(b.files("staging")[0]) == bytes);
  fs::remove(b.data / "attic" / item.text());
  b.pool.write_now([](db::tx& tx) { tx.script("update ingest_items set next_try_at = now(); delete from jobs"); });
  b.recover();
  CHECK(b.text("select state from ingest_items where display_name = 'x.epub'") == "duplicate");
  REQUIRE(b.files("attic").size() == 1);
  CHECK(read(b.files("attic")[0]) == bytes);
  CHECK(b.files("staging").empty());
}
