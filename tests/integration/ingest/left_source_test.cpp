#include <sys/stat.h>

#include <catch2/catch.hpp>

#include "household.hpp"

using namespace carrel;
using namespace carrel::ingest;
using namespace carrel::ingest::test;

namespace {

void set_rights(const fs::path& p, int mode) { REQUIRE(::chmod(p.c_str(), static_cast<mode_t>(mode)) == 0); }

struct writable_again {
  explicit writable_again(fs::path p) : path(std::move(p)) {}
  ~writable_again() { ::chmod(path.c_str(), 0755); }
  fs::path path;
};

}  // namespace

TEST_CASE("files in a folder that cannot be changed come in once, and errata says once that they stay behind") {
  bool poll_only = GENERATE(false, true);
  household h(poll_only);
  fs::path outside = h.b.folder / "theirs", inside = h.drop() / "theirs";
  for (int i = 0; i < 3; ++i) {
    std::string n = std::to_string(i);
    write(outside / (n + ".epub"), epub({.title = "T" + n, .text = n}));
  }
  write(h.b.folder / "copy.epub", epub({.title = "T0", .text = "0"}));
  fs::rename(outside, inside);
  set_rights(inside, 0555);
  writable_again cure(inside);
  REQUIRE(eventually([&] { return h.books() == 3; }));
  REQUIRE(eventually([&] { return h.errata() == inside.native() + " source_stays"; }));
  CHECK(eventually([&] { return h.b.number("select count(*) from ingest_items where source_done and state = 'inbox'") == 3; }));
  CHECK(h.b.files("drop").size() == 3);

  // A new start finds them again and takes nothing in.
  h.watch_again();
  write(h.drop() / "y.epub", epub({.title = "Y", .text = "y"}));
  REQUIRE(eventually([&] { return h.books() == 4; }));
  CHECK(h.b.number("select count(*) from ingest_items where state = 'duplicate'") == 0);
  CHECK(h.errata() == inside.native() + " source_stays");
  CHECK(h.b.files("staging").empty());

  // With the right to remove them they go, and the note with them.
  set_rights(inside, 0755);
  CHECK(eventually([&] { return h.b.files("drop").empty() && h.errata().empty(); }));
  CHECK(h.books() == 4);
  CHECK(h.b.files("attic").size() == 4);
}

TEST_CASE("a drop folder that is read-only loses nothing and repeats nothing") {
  household h;
  write(h.drop() / "x.epub", epub({}));
  write(h.drop() / "bad.epub", "PK\3\4 nothing");
  set_rights(h.drop(), 0555);
  writable_again cure(h.drop());
  REQUIRE(eventually([&] { return h.books() == 1; }));
  // The bad file is incomplete by its shape and waits; the good one is in, and both lie where they were.
  CHECK(eventually([&] { return h.errata() == h.drop().native() + " source_stays"; }));
  CHECK(h.b.files("drop").size() == 2);
  h.watch_again();
  CHECK(h.b.number("select count(*) from books") == 1);
}

TEST_CASE("the command says which sources it could not remove") {
  workbench b;
  write(b.inbox / "x.epub", epub({}));
  set_rights(b.inbox, 0555);
  writable_again cure(b.inbox);
  outcome out = b.take({b.inbox}, false);
  REQUIRE(out.added.size() == 1);
  CHECK(out.added[0].warnings.back().code == "source_stays");
  CHECK(fs::exists(b.inbox / "x.epub"));
  outcome again = b.take({b.inbox}, false);
  CHECK(again.duplicates.size() == 1);
  CHECK(b.number("select count(*) from books") == 1);
}
