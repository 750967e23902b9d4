// kill -9 while a person's act moves files: nothing is lost, nothing stays that nobody lists, and the act can be done again.

#include <catch2/catch.hpp>
#include <csignal>

#include "ingest/jobs.hpp"
#include "ingest/merging.hpp"
#include "ingest/orphans.hpp"
#include "ingest/pipeline.hpp"
#include "ingest/replace.hpp"
#include "killed.hpp"
#include "server/core/digest.hpp"

using namespace carrel;
using namespace carrel::ingest;
using namespace carrel::ingest::test;

namespace {

constexpr std::chrono::seconds at_once{0};

added_file take_one(workbench& b, const std::string& name, const std::string& bytes) {
  write(b.inbox / name, bytes);
  return b.take({b.inbox / name}).added.at(0);
}

std::string stored(workbench& b, const uuid& file) {
  return read(b.store.absolute(b.text("select storage_path from book_files where id = '" + file.text() + "'")));
}

// Files of library/ that no row names.
std::size_t unlisted(workbench& b) {
  std::size_t out = 0;
  for (const fs::path& p : b.files("library")) {
    std::string path = p.lexically_relative(b.data).native();
    out += b.number("select count(*) from book_files where storage_path = '" + path + "'") == 0 ? 1 : 0;
  }
  return out;
}

bool somewhere(const workbench& b, const char* folder, const std::string& bytes) {
  std::vector<fs::path> all = b.files(folder);
  return std::any_of(all.begin(), all.end(), [&](const fs::path& p) { return read(p) == bytes; });
}

// A book whose file was refused by a reader that knew less; the bytes are in quarantine.
uuid refused_item(workbench& b, const std::string& bytes) {
  publication::isolated::pool blind(helper_inspectors("crash"));
  services before{b.pool, b.store, blind, b.with.how};
  write(b.inbox / "x.epub", bytes);
  ingest_paths(before, {b.inbox}, {});
  REQUIRE(b.files("quarantine").size() == 1);
  return *uuid::parse(b.text("select id::text from ingest_items"));
}

void try_again_and_take(workbench& b, const uuid& item) {
  CHECK(try_again(b.with, item));
  b.pool.write_now([&](db::tx& tx) { enqueue_file(tx, item); });
  b.recover();
}

}  // namespace

TEST_CASE("killed while a file is replaced, the book has its old file or its new one, and the other bytes are found") {
  for (step at : {step::placed, step::stored}) {
    INFO("step " << static_cast<int>(at));
    workbench b;
    std::string old_bytes = epub({}), new_bytes = epub({.text = "Better words."});
    added_file a = take_one(b, "x.epub", old_bytes);
    fs::path staged = b.data / "staging" / "upload-new";
    write(staged, new_bytes);
    REQUIRE(act_and_be_killed(b, at, {"replace", a.file.text(), staged.native()}) == SIGKILL);
    bool done = at == step::stored;
    CHECK(stored(b, a.file) == (done ? new_bytes : old_bytes));
    CHECK(unlisted(b) == 1);
    CHECK(tidy_orphans(b.with).kept == 0);  // it may be somebody's who is at work
    CHECK(tidy_orphans(b.with, at_once).kept == 1);
    CHECK(unlisted(b) == 0);
    CHECK(stored(b, a.file) == (done ? new_bytes : old_bytes));
    CHECK(somewhere(b, "quarantine", done ? old_bytes : new_bytes));
    CHECK(b.number("select count(*) from ingest_items where error_code = 'orphaned_file' and state = 'rejected'") == 1);
    CHECK(b.files("staging").empty());
    CHECK(tidy_orphans(b.with, at_once).kept == 0);
    if (done) continue;
    write(staged, new_bytes);
    CHECK_FALSE(replace_file(b.with, a.file, staged, {}));
    CHECK(stored(b, a.file) == new_bytes);
  }
}

TEST_CASE("bytes that an item on its way has placed, and those of books, are nobody's orphans") {
  workbench b;
  take_one(b, "x.epub", epub({}));
  fs::path source = b.inbox / "y.epub";
  write(source, epub({.title = "Y", .text = "y"}));
  REQUIRE(run_and_kill(b, "move", step::placed, source) == SIGKILL);
  REQUIRE(unlisted(b) == 1);
  orphans out = tidy_orphans(b.with, at_once);
  CHECK(out.kept + out.removed == 0);
  b.recover();
  CHECK(b.number("select count(*) from books") == 2);
  CHECK(unlisted(b) == 0);
}

TEST_CASE("a second copy in the library of bytes that it lists elsewhere goes") {
  workbench b;
  std::string bytes = epub({});
  take_one(b, "x.epub", bytes);
  write(b.data / "library" / "zz" / "copy.epub", bytes);
  CHECK(tidy_orphans(b.with, at_once).removed == 1);
  CHECK(b.files("library").size() == 1);
}

TEST_CASE("killed while a refused file is tried again, it is in one place and can be tried again") {
  for (step at : {step::in_staging, step::hashed}) {
    bool tidied = GENERATE(false, true);
    INFO("step " << static_cast<int>(at) << " tidied " << tidied);
    workbench b;
    std::string bytes = epub({});
    uuid item = refused_item(b, bytes);
    REQUIRE(act_and_be_killed(b, at, {"again", item.text()}) == SIGKILL);
    CHECK(b.files("quarantine").size() + b.files("staging").size() == 1);
    if (tidied) CHECK(tidy_orphans(b.with, at_once).kept == 0);
    CHECK(b.files("quarantine").size() + b.files("staging").size() == 1);
    CHECK(b.number("select count(*) from ingest_items") == 1);
    if (at == step::in_staging) {
      CHECK(b.text("select state from ingest_items") == "rejected");
      try_again_and_take(b, item);
    } else {
      b.recover();
    }
    CHECK(b.number("select count(*) from books") == 1);
    REQUIRE(b.files("library").size() == 1);
    CHECK(read(b.files("library")[0]) == bytes);
    CHECK(b.files("quarantine").empty());
    CHECK(b.files("staging").empty());
  }
}

TEST_CASE("killed while a merge is taken back, both books can be had again") {
  bool tidied = GENERATE(false, true);
  workbench b;
  std::string old_bytes = epub({.title = "Rain"}), new_bytes = epub({.title = "Rain, second edition"});
  added_file older = take_one(b, "older.epub", old_bytes), newer = take_one(b, "newer.epub", new_bytes);
  auto merged = merge_books(b.with, older.book, {newer.book}, library::merge_act::replace, {});
  REQUIRE(merged);
  REQUIRE(act_and_be_killed(b, step::placed, {"unmerge", merged->merge.text()}) == SIGKILL);
  CHECK(unlisted(b) == 1);
  CHECK(stored(b, older.file) == new_bytes);
  if (tidied) {
    CHECK(tidy_orphans(b.with, at_once).kept == 1);
    CHECK(unlisted(b) == 0);
    CHECK(somewhere(b, "quarantine", old_bytes));
    CHECK(somewhere(b, "attic", old_bytes));
  }
  REQUIRE(undo_merge(b.with, merged->merge, {}));
  CHECK(stored(b, older.file) == old_bytes);
  CHECK(stored(b, newer.file) == new_bytes);
  CHECK(unlisted(b) == 0);
}
