// Which folders may be watched, and a folder that goes away and comes back (ingest.md 2.1, 3.1).

#include "ingest/drop_folder.hpp"

#include <catch2/catch.hpp>
#include <fstream>

#include "household.hpp"
#include "ingest/folder_note.hpp"
#include "ingest/inotify.hpp"
#include "ingest/pipeline.hpp"
#include "library/libraries.hpp"
#include "unshared.hpp"

using namespace carrel;
using namespace carrel::ingest;
using namespace carrel::ingest::test;

namespace {

const library::actor ada{.user = {}, .name = "ada"};

std::string refusal_of(const workbench& b, const fs::path& drop) {
  services with = b.with;
  with.how.drop_dir = drop;
  std::optional<error> bad = watcher(with).start();
  return bad ? bad->field : "";
}

// The share goes away with what is in it, and its mount point stays or not.
struct share {
  explicit share(household& h, bool mount_point) : at(h.drop()), away(h.b.folder / "away") {
    fs::rename(at, away);
    if (mount_point) fs::create_directory(at);
  }
  void come_back() const {
    fs::remove_all(at);
    fs::rename(away, at);
  }
  fs::path at, away;
};

std::string state_of(household& h, const std::string& name) {
  return h.b.text("select coalesce(string_agg(state, ','), '') from ingest_items where display_name = '" + name + "'");
}

// A job that asks for this item once more, now.
void hurry(household& h) {
  h.b.pool.write_now([](db::tx& tx) { tx.script("update jobs set run_at = now() where state = 'waiting'"); });
}

}  // namespace

TEST_CASE("a drop folder inside the folder of a library, or around it, is refused, whatever its path says") {
  workbench b;
  fs::path root = fs::canonical(b.folder) / "shelf" / "tree";
  write(root / "a" / "x.epub", epub({}));
  b.pool.write_now([&](db::tx& tx) { library::add_library(tx, "Tree", "in_place", root.native(), "", ada); });
  fs::create_directory_symlink(root, b.folder / "link");
  for (const fs::path& drop : {root, root / "a", root / "new", root.parent_path(), b.folder / "link" / "a"}) {
    INFO(drop);
    CHECK(refusal_of(b, drop) == "ingest.drop_dir");
    CHECK(b.number("select count(*) from ingest_items where error_code = 'drop_folder_unusable' and error_detail like '%library%'"
                   " and state = 'rejected'") == 1);
    b.pool.write_now([](db::tx& tx) { tx.script("delete from ingest_items"); });
  }
  CHECK(fs::exists(root / "a" / "x.epub"));
  CHECK(refusal_of(b, root.parent_path() / "beside").empty());
}

TEST_CASE("a drop folder inside a Calibre library, or around one, is refused") {
  workbench b;
  fs::path calibre = b.folder / "shelf" / "calibre";
  write(calibre / "metadata.db", "x");
  write(calibre / "Ada" / "Book (1)" / "x.epub", epub({}));
  for (const fs::path& drop : {calibre, calibre / "Ada", calibre / "Ada" / "Book (1)", calibre / "new", calibre.parent_path()}) {
    INFO(drop);
    CHECK(refusal_of(b, drop) == "ingest.drop_dir");
    CHECK(unusable_drop_folder(drop, b.store, {})->reason.find("Calibre") != std::string::npos);
  }
  CHECK(fs::exists(calibre / "Ada" / "Book (1)" / "x.epub"));
  CHECK(refusal_of(b, b.folder / "beside").empty());
}

TEST_CASE("a Calibre library that is put into the drop folder is left as it is, and errata says so until it is gone") {
  bool poll_only = GENERATE(false, true);
  household h(poll_only);
  fs::path calibre = h.b.folder / "calibre";
  write(calibre / "metadata.db", "x");
  write(calibre / "Ada" / "Book (1)" / "x.epub", epub({}));
  fs::rename(calibre, h.drop() / "calibre");
  REQUIRE(eventually([&] { return h.errata() == h.drop().native() + " drop_folder_unusable"; }));
  write(h.drop() / "y.epub", epub({.title = "Y", .text = "y"}));
  fs::remove(h.drop() / "calibre" / "metadata.db");
  REQUIRE(eventually([&] { return h.errata().empty(); }));
  CHECK(eventually([&] { return h.books() == 2; }));  // files like any others
}

TEST_CASE("a share that goes away while a file waits for its rest is trouble of the folder, and the file comes in afterwards") {
  bool mount_point = GENERATE(false, true);
  household h(true);
  std::string bytes = epub({});
  write(h.drop() / "x.epub", bytes.substr(0, bytes.size() - 40));
  REQUIRE(eventually([&] { return state_of(h, "x.epub") == "seen"; }));
  share s(h, mount_point);
  REQUIRE(eventually([&] { return h.errata() == h.drop().native() + " folder_unavailable"; }));
  CHECK(state_of(h, "x.epub") == "seen");
  h.eyes->stop();  // and a new start while it is away
  h.eyes.emplace(h.b.with);
  if (mount_point) {
    REQUIRE_FALSE(h.eyes->start());
    REQUIRE(eventually([&] { return h.eyes->active(); }));
    CHECK(state_of(h, "x.epub") == "seen");
  }
  h.eyes->stop();
  s.come_back();
  h.watch_again();
  REQUIRE(eventually([&] { return h.errata().empty(); }));
  write(h.drop() / "x.epub", bytes);
  CHECK(eventually([&] { return h.books() == 1; }));
}

TEST_CASE("a share that goes away while a file is queued: the file is neither lost nor forgotten") {
  bool mount_point = GENERATE(false, true);
  household h(true);
  h.workers.stop();
  write(h.drop() / "x.epub", epub({}));
  REQUIRE(eventually([&] { return state_of(h, "x.epub") == "settled"; }));
  uuid id = *uuid::parse(h.b.text("select id::text from ingest_items"));
  share s(h, mount_point);
  ending e = *take_in(h.b.with, id, true);
  CHECK(e.how == ending::failed);
  CHECK(e.code == "folder_unavailable");
  CHECK(e.again_after);
  CHECK(state_of(h, "x.epub") == "settled");
  REQUIRE(eventually([&] { return h.errata() == h.drop().native() + " folder_unavailable"; }));
  s.come_back();
  CHECK(eventually([&] { return h.errata().empty(); }));
  jobs::workers again(h.b.pool, h.bell, 1, "test");
  register_jobs(again, h.b.with);
  hurry(h);
  while (again.run_one()) {
  }
  CHECK(h.books() == 1);
  CHECK(h.b.files("drop").empty());
}

TEST_CASE("a file that vanished while it was queued comes in when it is there again, also after a new start") {
  bool new_start = GENERATE(false, true);
  household h(true);
  h.workers.stop();
  write(h.drop() / "other" / "stays.nfo", "x");
  write(h.drop() / "x.epub", epub({}));
  REQUIRE(eventually([&] { return state_of(h, "x.epub") == "settled"; }));
  uuid id = *uuid::parse(h.b.text("select id::text from ingest_items where display_name = 'x.epub'"));
  if (new_start) h.eyes->stop();
  fs::rename(h.drop() / "x.epub", h.b.folder / "x.epub");
  CHECK(take_in(h.b.with, id, true)->how == ending::vanished);
  // The same file, on a file system that was mounted again.
  h.b.pool.write_now([](db::tx& tx) { tx.script("update ingest_items set dev = dev + 1; delete from jobs"); });
  fs::rename(h.b.folder / "x.epub", h.drop() / "x.epub");
  if (new_start) h.watch_again();
  jobs::workers again(h.b.pool, h.bell, 1, "test");
  register_jobs(again, h.b.with);
  again.start();
  CHECK(eventually([&] { return h.books() == 1; }));
  CHECK(h.b.number("select count(*) from ingest_items where display_name = 'x.epub'") == 1);
  CHECK(eventually([&] { return !fs::exists(h.drop() / "x.epub"); }));
  again.stop();
}

TEST_CASE("where no more folders can be watched errata says so with the limit, and scans go on") {
  workbench b;
  std::string limit = "echo 1 > /proc/sys/user/max_inotify_watches";
  if (unshared(limit) != 0) {
    WARN("the number of watches cannot be limited here");
    return;
  }
  fs::create_directories(b.data / "drop" / "a" / "b");
  std::string helper = INGEST_HELPER;
  REQUIRE(unshared(limit + " && '" + helper + "' watch '" + b.database.url() + "' '" + b.data.native() + "' '" +
                   b.store.cache().native() + "' watch_limit") == 0);
  CHECK(b.text("select error_detail from ingest_items where error_code = 'watch_limit' and state = 'rejected'") == watch_limit());
  CHECK_FALSE(watch_limit().empty());
}

TEST_CASE("events that were lost are said to be") {
  fs::path folder = fs::absolute(harness::fresh_folder("overflow"));
  inotify events;
  events.open();
  REQUIRE(events.watch(folder));
  write(folder / "a", "x");
  CHECK_FALSE(events.read().overflow);
  for (int i = 0; i < 20'000; ++i) std::ofstream(folder / std::to_string(i % 2));
  CHECK(events.read().overflow);
  CHECK_FALSE(events.read().overflow);
}

TEST_CASE("after lost events the whole folder is scanned") {
  household h;  // scans once an hour
  db::pool other({.url = h.b.database.url(), .connections = 1});
  other.write_now([&](db::tx& tx) {
    tx.script("lock table ingest_items in access exclusive mode");
    // The watcher waits for the table with the scan of this folder, and the queue of its events runs over.
    fs::create_directory(h.drop() / "sub");
    write(h.drop() / "sub" / "y.epub", epub({.title = "Y", .text = "y"}));
    for (int i = 0; i < 40'000; ++i) std::ofstream(h.drop() / (i % 2 == 0 ? ".one" : ".two"));
    fs::remove(h.drop() / ".one");
    fs::remove(h.drop() / ".two");
    write(h.drop() / "x.epub", epub({.title = "X", .text = "x"}));
  });
  CHECK(eventually([&] { return h.b.number("select count(*) from books where title = 'X'") == 1; }));
}

TEST_CASE("with ingest.poll = off nothing is scanned by the clock, and inotify still finds files") {
  household h;
  h.eyes->stop();
  h.b.with.how.scan_every = std::chrono::milliseconds(20);
  h.b.with.how.poll_off = true;
  h.watch_again();
  write(h.drop() / "x.epub", epub({.title = "X", .text = "x"}));
  REQUIRE(eventually([&] { return h.books() == 1; }));
  // A note that the next scan of the folder would close.
  fs::path nowhere = h.b.folder / "nowhere";
  h.b.pool.write_now([&](db::tx& tx) { return note_folder(tx, {nowhere, "folder_unavailable", ""}); });
  write(h.drop() / "y.epub", epub({.title = "Y", .text = "y"}));
  REQUIRE(eventually([&] { return h.books() == 2; }));
  CHECK(h.errata() == nowhere.native() + " folder_unavailable");
  h.eyes->stop();
  h.b.with.how.poll_off = false;
  h.watch_again();
  CHECK(eventually([&] { return h.errata().empty(); }));
}
