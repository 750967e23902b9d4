#include <catch2/catch.hpp>

#include "ingest/jobs.hpp"
#include "ingest/orphans.hpp"
#include "ingest/pipeline.hpp"
#include "workbench.hpp"

using namespace carrel;
using namespace carrel::ingest;
using namespace carrel::ingest::test;

namespace {

constexpr std::chrono::seconds at_once{0};

}  // namespace

TEST_CASE("bodies of requests that nobody answered and unfinished copies go, young ones stay") {
  workbench b;
  write(b.data / "staging" / "upload-abc", "half a book");
  write(b.data / "staging" / uuid::make().text() / ".carrel-x.tmp", "half a copy");
  write(b.data / "library" / "ab" / "cd" / ".carrel-y.tmp", "half a copy");
  write(b.data / "staging" / "note.txt", "not ours");
  CHECK(tidy_orphans(b.with).removed == 0);
  orphans out = tidy_orphans(b.with, at_once);
  CHECK(out.removed == 3);
  CHECK(out.kept == 0);
  CHECK(b.files("library").empty());
  REQUIRE(b.files("staging").size() == 1);
  CHECK(b.files("staging")[0].filename() == "note.txt");
  CHECK(b.number("select count(*) from ingest_items") == 0);
}

TEST_CASE("a staged file that is nowhere else goes to quarantine and errata, and comes in from there") {
  workbench b;
  uuid id = uuid::make();
  std::string bytes = epub({});
  write(b.data / "staging" / id.text() / "x.epub", bytes);
  orphans out = tidy_orphans(b.with, at_once);
  CHECK(out.kept == 1);
  CHECK(b.files("staging").empty());
  CHECK_FALSE(fs::exists(b.data / "staging" / id.text()));
  REQUIRE(b.files("quarantine").size() == 1);
  CHECK(read(b.files("quarantine")[0]) == bytes);
  CHECK(b.text("select state || ' ' || error_code || ' ' || display_name from ingest_items") == "rejected orphaned_file x.epub");
  CHECK(tidy_orphans(b.with, at_once).kept == 0);

  REQUIRE(try_again(b.with, id));
  take_in(b.with, id, true);
  CHECK(b.number("select count(*) from books") == 1);
  CHECK(b.text("select original_name from book_files") == "x.epub");
  CHECK(b.files("quarantine").empty());
}

TEST_CASE("a staged copy of what the library has goes; one of an item that is at its end is kept when it is something else") {
  workbench b;
  std::string bytes = epub({});
  write(b.inbox / "x.epub", bytes);
  b.take({b.inbox});
  std::string id = b.text("select id::text from ingest_items");
  write(b.data / "staging" / id / "x.epub", bytes);
  write(b.data / "staging" / id / "other.epub", "something else");
  orphans out = tidy_orphans(b.with, at_once);
  CHECK(out.removed == 1);
  CHECK(out.kept == 1);
  CHECK(b.files("staging").empty());
  CHECK(read(b.files("quarantine").at(0)) == "something else");
  CHECK(b.text("select state from ingest_items where id = '" + id + "'") == "organised");
}

TEST_CASE("files of items that are on their way are left alone") {
  workbench b;
  item i;
  i.id = uuid::make();
  i.origin = "upload";
  i.display_name = "x.epub";
  i.state = "hashed";
  i.sha256 = std::string(64, '0');
  i.staging_path = "staging/" + i.id.text() + "/x.epub";
  write(b.store.absolute(i.staging_path), epub({}));
  b.pool.write_now([&](db::tx& tx) { store_item(tx, i); });
  orphans out = tidy_orphans(b.with, at_once);
  CHECK(out.removed + out.kept == 0);
  CHECK(b.files("staging").size() == 1);
}
