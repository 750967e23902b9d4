#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <catch2/catch.hpp>

#include "household.hpp"
#include "ingest/paths.hpp"

using namespace carrel;
using namespace carrel::ingest;
using namespace carrel::ingest::test;

namespace {

void set_rights(const fs::path& p, int mode) { REQUIRE(::chmod(p.c_str(), static_cast<mode_t>(mode)) == 0); }

// Under a name that nobody looks at until its rights are gone.
void drop_unreadable(const household& h, const std::string& name, const std::string& bytes) {
  write(h.drop() / ".coming", bytes);
  set_rights(h.drop() / ".coming", 0);
  fs::rename(h.drop() / ".coming", h.drop() / name);
}

}  // namespace

TEST_CASE("a file that cannot be read is in errata with its reason, stays, and comes in once it can be read") {
  bool poll_only = GENERATE(false, true);
  household h(poll_only);
  fs::path file = h.drop() / "x.epub";
  drop_unreadable(h, "x.epub", epub({}));
  REQUIRE(eventually([&] { return h.errata() == "x.epub source_unreadable"; }));
  CHECK(h.b.text("select error_detail from ingest_items") == "Permission denied");
  CHECK(fs::exists(file));
  CHECK(h.books() == 0);

  set_rights(file, 0644);
  REQUIRE(eventually([&] { return h.books() == 1; }));
  CHECK(eventually([&] { return h.errata().empty(); }));
  CHECK(eventually([&] { return !fs::exists(file); }));
  CHECK(h.b.number("select count(*) from ingest_items") == 1);
}

TEST_CASE("an unreadable file is still in errata, once, after a new start, and comes in then") {
  household h;
  fs::path file = h.drop() / "x.epub";
  drop_unreadable(h, "x.epub", epub({}));
  REQUIRE(eventually([&] { return h.errata() == "x.epub source_unreadable"; }));
  h.eyes->stop();
  h.watch_again();
  // What was dropped after the start is looked at after what was there.
  write(h.drop() / "y.epub", epub({.title = "Y", .text = "y"}));
  REQUIRE(eventually([&] { return h.books() == 1; }));
  CHECK(h.errata() == "x.epub source_unreadable");
  CHECK(h.b.number("select count(*) from ingest_items") == 2);
  set_rights(file, 0644);
  CHECK(eventually([&] { return h.books() == 2 && h.errata().empty(); }));
}

TEST_CASE("an unreadable file that is replaced or removed leaves errata") {
  household h;
  drop_unreadable(h, "x.epub", epub({}));
  drop_unreadable(h, "y.epub", epub({.title = "Y", .text = "y"}));
  REQUIRE(eventually([&] { return h.errata() == "x.epub source_unreadable, y.epub source_unreadable"; }));
  fs::remove(h.drop() / "x.epub");
  write(h.drop() / ".coming", epub({.title = "New Y", .text = "new"}));
  fs::rename(h.drop() / ".coming", h.drop() / "y.epub");
  CHECK(eventually([&] { return h.errata().empty() && h.books() == 1; }));
  CHECK(h.b.text("select title from books") == "New Y");
}

TEST_CASE("a folder that cannot be read is in errata, and its files come in once it can be") {
  bool poll_only = GENERATE(false, true);
  household h(poll_only);
  fs::path outside = h.b.folder / "closed";
  write(outside / "x.epub", epub({}));
  set_rights(outside, 0300);
  fs::rename(outside, h.drop() / "closed");
  REQUIRE(eventually([&] { return h.errata() == (h.drop() / "closed").native() + " folder_unavailable"; }));
  set_rights(h.drop() / "closed", 0755);
  CHECK(eventually([&] { return h.books() == 1 && h.errata().empty(); }));
}

TEST_CASE("a file whose bytes cannot be read is in errata, untouched, and tried again") {
  // Opens and cannot be read, as on a disk that is failing.
  fs::path file;
  std::error_code code;
  for (const fs::directory_entry& e : fs::directory_iterator("/sys/devices/virtual/net/lo", code)) {
    struct stat facts {};
    char byte = 0;
    carrel::file fd(::open(e.path().c_str(), O_RDONLY));
    if (fd && ::fstat(fd.get(), &facts) == 0 && S_ISREG(facts.st_mode) && facts.st_size > 0 && ::pread(fd.get(), &byte, 1, 0) < 0)
      file = e.path();
  }
  if (file.empty()) {
    WARN("nothing here that opens and cannot be read");
    return;
  }
  workbench b;
  outcome out = b.take({file}, false);
  REQUIRE(out.failed.size() == 1);
  CHECK(out.failed[0].code == "source_unreadable");
  CHECK(fs::exists(file));
  CHECK(b.number("select count(*) from ingest_items where state = 'failed' and error_code = 'source_unreadable'"
                 " and next_try_at is not null and error_detail <> ''") == 1);
  // However often it failed, there is a next time.
  b.pool.write_now([](db::tx& tx) { tx.script("update ingest_items set attempts = 50"); });
  b.take({file}, false);
  CHECK(b.number("select count(*) from ingest_items where next_try_at > now() + interval '1 hour'") == 1);
}
