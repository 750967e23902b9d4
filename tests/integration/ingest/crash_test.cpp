#include <catch2/catch.hpp>
#include <csignal>

#include "ingest/recover.hpp"
#include "killed.hpp"
#include "server/core/digest.hpp"
#include "workbench.hpp"

using namespace carrel;
using namespace carrel::ingest;
using namespace carrel::ingest::test;

namespace {

const std::vector<step> steps{step::probed,   step::hashed, step::folder_made, step::in_staging,
                              step::in_attic, step::placed, step::stored,      step::source_gone};

}  // namespace

TEST_CASE("killed after each step, a moved file is there once afterwards and its source is accounted for") {
  for (step s : steps) {
    workbench b;
    INFO("step " << static_cast<int>(s));
    std::string bytes = epub({}), sum = sha256_hex(bytes);
    fs::path source = b.inbox / "x.epub";
    write(source, bytes);
    int ended_by = run_and_kill(b, "move", s, source);
    // On one file system the source is in staging from step 4 on, so nothing is left to be unlinked.
    CHECK(ended_by == (s == step::source_gone ? 0 : SIGKILL));
    b.recover();
    CHECK(b.number("select count(*) from books") == 1);
    CHECK(b.number("select count(*) from book_files") == 1);
    CHECK(b.number("select count(*) from ingest_items where source_done and state = 'organised'") == 1);
    REQUIRE(b.files("library").size() == 1);
    CHECK(sha256_hex(read(b.files("library")[0])) == sum);
    CHECK(b.files("staging").empty());
    CHECK_FALSE(fs::exists(source));
    REQUIRE(b.files("attic").size() == 1);
    CHECK(read(b.files("attic")[0]) == bytes);
    // Whoever brings it again learns that it is there.
    write(source, bytes);
    CHECK(b.take({source}, false).duplicates.size() == 1);
  }
}

TEST_CASE("killed after each step, a kept file is there once afterwards and its source is untouched") {
  for (step s : steps) {
    if (s == step::in_attic || s == step::source_gone) continue;
    workbench b;
    INFO("step " << static_cast<int>(s));
    std::string bytes = epub({});
    fs::path source = b.inbox / "x.epub";
    write(source, bytes);
    CHECK(run_and_kill(b, "keep", s, source) == SIGKILL);
    b.recover();
    CHECK(b.number("select count(*) from books where status = 'organized'") == 1);
    REQUIRE(b.files("library").size() == 1);
    CHECK(read(b.files("library")[0]) == bytes);
    CHECK(b.files("staging").empty());
    CHECK(b.files("attic").empty());
    CHECK(read(source) == bytes);
    outcome again = b.take({source});
    CHECK(again.duplicates.size() == 1);
  }
}

TEST_CASE("killed while a file is refused, it is in quarantine once") {
  for (step s : {step::refused, step::in_quarantine}) {
    workbench b;
    fs::path source = b.inbox / "bad.epub";
    write(source, "PK\3\4 nothing");
    CHECK(run_and_kill(b, "move", s, source) == SIGKILL);
    b.recover();
    CHECK_FALSE(fs::exists(source));
    REQUIRE(b.files("quarantine").size() == 1);
    CHECK(read(b.files("quarantine")[0]) == "PK\3\4 nothing");
    CHECK(b.number("select count(*) from ingest_items where state = 'rejected' and source_done") == 1);
  }
}

TEST_CASE("a source on another file system is copied, proven and only then unlinked, whatever interrupts it") {
  fs::path other = fs::path("/dev/shm") / ("carrel-test-" + uuid::make().text());
  std::error_code code;
  if (!fs::create_directory(other, code)) {
    WARN("no second file system to try");
    return;
  }
  for (step s : steps) {
    workbench b;
    INFO("step " << static_cast<int>(s));
    std::string bytes = epub({});
    fs::path source = other / "x.epub";
    write(source, bytes);
    CHECK(run_and_kill(b, "move", s, source) == SIGKILL);
    if (s < step::source_gone) CHECK(read(source) == bytes);
    b.recover();
    CHECK(b.number("select count(*) from book_files") == 1);
    CHECK(b.number("select count(*) from ingest_items where source_done") == 1);
    REQUIRE(b.files("library").size() == 1);
    CHECK(read(b.files("library")[0]) == bytes);
    CHECK(b.files("attic").size() == 1);
    CHECK(b.files("staging").empty());
    CHECK_FALSE(fs::exists(source));
  }
  fs::remove_all(other);
}

TEST_CASE("a source that was replaced after the crash is left alone and is a file of its own") {
  workbench b;
  fs::path source = b.inbox / "x.epub";
  write(source, epub({.title = "Old"}));
  run_and_kill(b, "move", step::in_staging, source);
  write(source, epub({.title = "New", .text = "New words."}));
  b.recover();
  CHECK(b.number("select count(*) from books where title = 'Old'") == 1);
  CHECK(fs::exists(source));
  CHECK(b.take({source}, false).added.size() == 1);
  CHECK(b.number("select count(*) from books") == 2);
}

TEST_CASE("a staged copy that was damaged after the crash is kept and shown") {
  workbench b;
  fs::path source = b.inbox / "x.epub";
  write(source, epub({}));
  run_and_kill(b, "move", step::in_attic, source);
  fs::path staged = b.files("staging").at(0);
  fs::remove(staged);
  write(staged, "other bytes");
  b.recover();
  CHECK(b.number("select count(*) from ingest_items where state = 'failed' and error_code = 'staging_missing'") == 1);
  CHECK(read(staged) == "other bytes");
  CHECK(b.number("select count(*) from books") == 0);
}

TEST_CASE("a later command finishes what a killed one left, whatever it is asked for, and counts it") {
  for (step s : {step::hashed, step::folder_made, step::in_staging, step::in_attic, step::placed, step::stored}) {
    workbench b;
    INFO("step " << static_cast<int>(s));
    fs::path source = b.inbox / "x.epub";
    write(source, epub({}));
    REQUIRE(run_and_kill(b, "move", s, source) == SIGKILL);
    if (s != step::stored) {
      abandoned left = find_abandoned(b.pool, b.store);
      REQUIRE(left.items.size() == 1);
      CHECK(left.items[0].path == source.native());
    }
    write(b.folder / "other" / "y.epub", epub({.title = "Other", .text = "Other words."}));
    outcome out = b.take({b.folder / "other"}, false);
    INFO(json::dump(to_json(out)));
    CHECK(out.failed.empty());
    CHECK(out.duplicates.empty());
    if (s != step::stored) {
      REQUIRE(out.added.size() == 2);
      CHECK(out.added[1].path == source.native());
      CHECK(out.resumed == 1);
    }
    CHECK(b.number("select count(*) from books where status = 'organized'") == 2);
    CHECK(find_abandoned(b.pool, b.store).items.empty());
    CHECK_FALSE(fs::exists(source));
    CHECK(b.files("staging").empty());
    CHECK(b.take({b.folder / "other"}, false).resumed == 0);
  }
}

TEST_CASE("what a living command has not come to yet is left to it") {
  workbench b;
  fs::path source = b.inbox / "x.epub";
  write(source, epub({}));
  REQUIRE(run_and_kill(b, "move", step::in_staging, source) == SIGKILL);
  uuid batch = *uuid::parse(b.text("select batch_id::text from ingest_items"));
  {
    std::optional<item_lock> alive = item_lock::take(b.store, batch, false);
    REQUIRE(alive);
    CHECK(find_abandoned(b.pool, b.store).items.empty());
  }
  CHECK(find_abandoned(b.pool, b.store).items.size() == 1);
}
