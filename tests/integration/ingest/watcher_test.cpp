#include <fcntl.h>
#include <unistd.h>

#include <catch2/catch.hpp>

#include "household.hpp"
#include "ingest/drop_folder.hpp"
#include "library/book.hpp"

using namespace carrel;
using namespace carrel::ingest;
using namespace carrel::ingest::test;

TEST_CASE("a dropped file comes in once and leaves the folder") {
  bool poll_only = GENERATE(false, true);
  household h(poll_only);
  write(h.drop() / "x.epub", epub({}));
  REQUIRE(eventually([&] { return h.b.number("select count(*) from ingest_items where source_done") == 1; }));
  CHECK(h.books() == 1);
  CHECK(h.b.text("select status::text from books") == "review");
  CHECK_FALSE(fs::exists(h.drop() / "x.epub"));
  CHECK(h.b.files("attic").size() == 1);
}

TEST_CASE("a file written in pieces is taken when it is whole") {
  household h;
  std::string bytes = epub({.text = std::string(5000, 'w')});
  int fd = ::open((h.drop() / "x.epub").c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
  for (std::size_t i = 0; i < 10; ++i) {
    std::size_t from = bytes.size() * i / 10, to = bytes.size() * (i + 1) / 10;
    REQUIRE(::write(fd, bytes.data() + from, to - from) == static_cast<ssize_t>(to - from));
    if (i % 5 != 4) continue;
    // The writer pauses for as long as a whole file takes that came later.
    std::string n = std::to_string(i);
    write(h.drop() / ("other" + n + ".epub"), epub({.title = "Other " + n, .text = n}));
    REQUIRE(eventually([&] { return h.b.number("select count(*) from books where title = 'Other " + n + "'") == 1; }));
  }
  CHECK(h.books() == 2);
  ::close(fd);
  REQUIRE(eventually([&] { return h.books() == 3; }));
  CHECK(h.b.number("select count(*) from book_files where file_size = " + std::to_string(bytes.size())) == 1);
  CHECK(h.b.number("select count(*) from ingest_items where state <> 'vanished'") == 3);
}

TEST_CASE("a preallocated or cut file is shown as waiting and comes in when it is complete") {
  household h;
  std::string bytes = epub({});
  write(h.drop() / "x.epub", bytes.substr(0, bytes.size() - 40));
  REQUIRE(eventually([&] {
    return h.b.number("select count(*) from ingest_items where state = 'seen' and error_detail like 'waiting%'") == 1;
  }));
  CHECK(h.books() == 0);
  write(h.drop() / "x.epub", bytes);
  REQUIRE(eventually([&] { return h.books() == 1; }));
  CHECK(h.b.number("select count(*) from ingest_items where state = 'seen'") == 0);
}

TEST_CASE("a download that gets its name at the end, and a folder that is moved in") {
  household h;
  write(h.drop() / "x.epub.part", epub({}));
  fs::rename(h.drop() / "x.epub.part", h.drop() / "x.epub");
  write(h.b.folder / "outside" / "deep" / "deeper" / "y.epub", epub({.title = "Deep", .text = "deep"}));
  fs::rename(h.b.folder / "outside", h.drop() / "inside");
  REQUIRE(eventually([&] { return h.books() == 2; }));
  CHECK(eventually([&] { return fs::is_empty(h.drop()); }));  // emptied folders go too
  CHECK(fs::is_directory(h.drop()));
}

TEST_CASE("a folder made in the drop folder is watched from its first file on") {
  household h;
  for (int i = 0; i < 20; ++i)
    write(h.drop() / std::to_string(i) / "a" / "x.epub", epub({.title = std::to_string(i), .text = std::to_string(i)}));
  CHECK(eventually([&] { return h.books() == 20; }));
}

TEST_CASE("a bad file in the drop folder ends in quarantine; links stay") {
  household h;
  write(h.b.folder / "o.epub", epub({}));
  fs::create_symlink(h.b.folder / "o.epub", h.drop() / "link.epub");
  write(h.drop() / "bad.txt.epub", "<!DOCTYPE html><html><body>404</body></html>");
  REQUIRE(
      eventually([&] { return h.b.number("select count(*) from ingest_items where state = 'rejected' and source_done") == 2; }));
  CHECK(h.b.number("select count(*) from ingest_items where error_code = 'not_a_regular_file'") == 1);
  CHECK(h.b.number("select count(*) from ingest_items where error_code = 'unsupported_type'") == 1);
  CHECK(h.b.files("quarantine").size() == 1);
  CHECK(fs::is_symlink(h.drop() / "link.epub"));
}

TEST_CASE("one of two processes watches, and the other takes over") {
  household h;
  watcher second(h.b.with);
  REQUIRE_FALSE(second.start());
  write(h.drop() / "x.epub", epub({}));
  REQUIRE(eventually([&] { return h.books() == 1; }));
  CHECK_FALSE(second.active());
  h.eyes->stop();
  CHECK(eventually([&] { return second.active(); }));
  write(h.drop() / "y.epub", epub({.title = "Y", .text = "y"}));
  CHECK(eventually([&] { return h.books() == 2; }));
  second.stop();
}

TEST_CASE("a drop folder inside the store, or around it, is refused") {
  workbench b;
  for (const fs::path& bad : {b.data / "library" / "x", b.data, b.folder}) {
    b.with.how.drop_dir = bad;
    watcher w(b.with);
    auto refused = w.start();
    REQUIRE(refused);
    CHECK(refused->field == "ingest.drop_dir");
  }
  write(b.folder / "calibre" / "metadata.db", "x");
  b.with.how.drop_dir = b.folder / "calibre";
  CHECK(watcher(b.with).start());
}

TEST_CASE("a drop folder that cannot be used is in errata until it can") {
  household h;
  h.eyes->stop();
  write(h.b.folder / "file", "x");
  fs::path good = h.drop();
  h.b.with.how.drop_dir = h.b.folder / "file" / "drop";
  REQUIRE(watcher(h.b.with).start());
  CHECK(h.errata() == h.drop().native() + " drop_folder_unusable");
  CHECK(unusable_drop_folder(h.drop(), h.b.store, {}));
  h.b.with.how.drop_dir = good;
  CHECK_FALSE(unusable_drop_folder(good, h.b.store, {}));
  h.watch_again();
  CHECK(eventually([&] { return h.errata().empty(); }));
}

TEST_CASE("the bytes of a trashed book in the drop folder are in errata") {
  household h;
  write(h.drop() / "a.epub", epub({.title = "Gone"}));
  REQUIRE(
      eventually([&] { return h.b.number("select count(*) from ingest_items where source_done and book_id is not null") == 1; }));
  uuid book = *uuid::parse(h.b.text("select id::text from books"));
  h.b.pool.write_now([&](db::tx& tx) { return library::trash_books(tx, {book}, {}); });
  write(h.drop() / "b.epub", epub({.title = "Gone"}));
  CHECK(eventually([&] { return h.errata() == "b.epub duplicate_trashed"; }));
  CHECK(h.b.text("select error_detail from ingest_items where display_name = 'b.epub'") == "Gone");
  CHECK_FALSE(fs::exists(h.drop() / "b.epub"));
}
