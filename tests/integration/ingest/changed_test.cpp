// Files that somebody changes, or exchanges, while they are taken in (ingest.md 4.1 steps 2 and 4, 21).

#include <fcntl.h>

#include <catch2/catch.hpp>
#include <fstream>

#include "ingest/item.hpp"
#include "ingest/pipeline.hpp"
#include "server/core/uuid.hpp"
#include "workbench.hpp"

using namespace carrel;
using namespace carrel::ingest;
using namespace carrel::ingest::test;

namespace {

// What somebody does to the file when the pipeline has come to a step; once.
struct meddling {
  step when;
  void (*act)();
  fs::path file;
  bool done = false;
};
meddling* now_meddling = nullptr;

void meddle(step s) {
  if (now_meddling == nullptr || now_meddling->done || s != now_meddling->when) return;
  now_meddling->done = true;
  now_meddling->act();
}

struct during {
  during(workbench& b, meddling m) : bench(b), what(std::move(m)) {
    now_meddling = &what;
    bench.with.reached = meddle;
  }
  ~during() {
    bench.with.reached = nullptr;
    now_meddling = nullptr;
  }
  during(const during&) = delete;
  during& operator=(const during&) = delete;
  workbench& bench;
  meddling what;
};

std::string other_bytes() { return epub({.title = "Other", .text = "Other words."}); }

void append() { std::ofstream(now_meddling->file, std::ios::app | std::ios::binary) << "more"; }
void exchange_and_keep() {
  fs::rename(now_meddling->file, now_meddling->file.parent_path() / ".before");
  write(now_meddling->file, other_bytes());
}
void exchange() {
  fs::path beside = now_meddling->file.parent_path() / ".other";
  write(beside, other_bytes());
  fs::rename(beside, now_meddling->file);
}

void nothing_came_in(workbench& b) {
  CHECK(b.number("select count(*) from books") == 0);
  CHECK(b.files("library").empty());
  CHECK(b.files("quarantine").empty());
  CHECK(b.files("attic").empty());
  CHECK(b.files("staging").empty());
}

}  // namespace

TEST_CASE("a file that is written to while it is hashed is not taken, and comes in afterwards as it is then") {
  bool keep = GENERATE(true, false);
  workbench b;
  fs::path file = b.inbox / "x.txt";
  write(file, "A short text about a lighthouse and its keeper.\n");
  {
    during m(b, {step::probed, append, file});
    CHECK(codes(b.take({file}, keep)) == "x.txt=source_changed ");
    CHECK(m.what.done);
  }
  nothing_came_in(b);
  CHECK(read(file).ends_with("more"));
  CHECK(b.take({file}, keep).added.size() == 1);
  CHECK(b.number("select count(*) from book_files where file_size = " + std::to_string(read(b.files("library").at(0)).size())) ==
        1);
}

TEST_CASE("a file that is written to while it is inspected is not taken") {
  workbench b;
  fs::path file = b.inbox / "x.epub";
  write(file, epub({}));
  // The child writes to it before it begins.
  publication::isolated::options how = helper_inspectors();
  how.command = {"/bin/sh", "-c", "printf more >> '" + file.native() + "'; exec '" + INGEST_HELPER + "' inspect"};
  how.processes = 1;
  publication::isolated::pool meddlers(how);
  services with{b.pool, b.store, meddlers, b.with.how};
  CHECK(codes(ingest_paths(with, {file}, {})) == "x.epub=source_changed ");
  nothing_came_in(b);
  CHECK(read(file) == epub({}) + "more");
}

TEST_CASE("another file that has the name meanwhile is put back and is a file of its own") {
  workbench b;
  fs::path file = b.inbox / "x.epub";
  write(file, epub({}));
  {
    during m(b, {step::folder_made, exchange_and_keep, file});
    CHECK(codes(b.take({file}, false)) == "x.epub=source_changed ");
    CHECK(m.what.done);
  }
  CHECK(b.number("select count(*) from books") == 0);
  CHECK(b.files("staging").empty());
  REQUIRE(fs::exists(file));
  CHECK(read(file) == other_bytes());
  CHECK(read(b.inbox / ".before") == epub({}));
  CHECK(b.take({file}, false).added.size() == 1);
  CHECK(b.text("select title from books") == "Other");
}

TEST_CASE("a file that is gone but open is copied, and the one that has its name stays") {
  workbench b;
  fs::path file = b.inbox / "x.epub";
  write(file, epub({}));
  {
    during m(b, {step::folder_made, exchange, file});
    CHECK(b.take({file}, false).added.size() == 1);
    CHECK(m.what.done);
  }
  CHECK(b.text("select title from books") == "The Small Book");
  CHECK(read(file) == other_bytes());
}

TEST_CASE("a file that is written to before it is copied is not taken as it was hashed") {
  workbench b;
  fs::path file = b.inbox / "x.epub";
  write(file, epub({}));
  {
    during m(b, {step::folder_made, append, file});
    CHECK(codes(b.take({file}, true)) == "x.epub=source_changed ");
  }
  nothing_came_in(b);
  CHECK(read(file) == epub({}) + "more");
}

TEST_CASE("a source that was exchanged after its copy was proven is not removed") {
  workbench b;
  fs::path file = b.inbox / "x.epub", mine = b.folder / "mine.epub";
  write(mine, epub({}));
  fs::create_hard_link(mine, file);  // so it is copied, not renamed
  {
    during m(b, {step::stored, exchange, file});
    CHECK(b.take({file}, false).added.size() == 1);
    CHECK(m.what.done);
  }
  CHECK(b.text("select title from books") == "The Small Book");
  CHECK(read(file) == other_bytes());
}

TEST_CASE("in the drop folder a changed file is a new one: the old row is at its end") {
  workbench b;
  fs::path file = b.with.how.drop_dir / "x.epub";
  write(file, epub({}));
  item like;
  like.origin = "watch";
  like.state = "settled";
  std::vector<finding> one{{file.native(), *identity_at(file)}};
  uuid id = b.pool.write_now([&](db::tx& tx) { return store_findings(tx, one, like).front().id; });
  during m(b, {step::probed, append, file});
  CHECK(take_in(b.with, id, true)->how == ending::vanished);
  CHECK(b.text("select state from ingest_items") == "vanished");
  std::vector<finding> then{{file.native(), *identity_at(file)}};
  CHECK_FALSE(b.pool.read_now([&](db::tx& tx) -> bool { return known_findings(tx, then).front(); }));
  nothing_came_in(b);
}
