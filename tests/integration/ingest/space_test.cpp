#include <catch2/catch.hpp>

#include "ingest/item.hpp"
#include "ingest/jobs.hpp"
#include "ingest/space.hpp"
#include "ingest/upload.hpp"
#include "unshared.hpp"
#include "workbench.hpp"

using namespace carrel;
using namespace carrel::ingest;
using namespace carrel::ingest::test;

TEST_CASE("a full disk fails the file by name, keeps the source, and says that something waits") {
  workbench b;
  fs::path mounted = b.folder / "small";
  fs::create_directories(mounted);
  if (unshared("mount -t tmpfs -o size=1m none '" + mounted.native() + "'") != 0) {
    WARN("no file system of a given size can be made here");
    return;
  }
  std::string text;
  for (int i = 0; i < 200'000; ++i) text += static_cast<char>('a' + (i * 7919 + i / 13) % 26);
  write(b.inbox / "big.epub", epub({.text = text + text + text + text + text + text}));
  std::string helper = INGEST_HELPER;
  std::string out = (b.folder / "out.json").native();
  REQUIRE(unshared("mount -t tmpfs -o size=1m none '" + mounted.native() + "' && '" + helper + "' take '" + b.database.url() +
                   "' '" + mounted.native() + "' '" + b.store.cache().native() + "' move - '" + (b.inbox / "big.epub").native() +
                   "' > '" + out + "'") == 0);
  CHECK(read(out).find("\"disk_full\"") != std::string::npos);
  CHECK(fs::exists(b.inbox / "big.epub"));
  CHECK(
      b.number(
          "select count(*) from ingest_items where state = 'failed' and error_code = 'disk_full' and next_try_at is not null") ==
      1);
  CHECK(b.pool.read_now(count_waiting_for_space) == 1);

  // With room again it comes in by itself when its time has come.
  set_clock(now() + std::chrono::minutes(6));
  b.recover();
  set_clock(std::nullopt);
  CHECK(b.number("select count(*) from books") == 1);
  CHECK(b.pool.read_now(count_waiting_for_space) == 0);
  CHECK_FALSE(fs::exists(b.inbox / "big.epub"));
}

TEST_CASE("a source on a read-only file system comes in once and stays") {
  workbench b;
  std::string in = "'" + b.inbox.native() + "'", out = (b.folder / "out.json").native(), helper = INGEST_HELPER;
  std::string read_only = "mount --bind " + in + " " + in + " && mount -o remount,bind,ro " + in;
  if (unshared(read_only) != 0) {
    WARN("no read-only file system can be made here");
    return;
  }
  write(b.inbox / "x.epub", epub({}));
  write(b.inbox / "bad.epub", "PK\3\4 nothing");
  for (int turn = 0; turn < 2; ++turn) {
    REQUIRE(unshared(read_only + " && '" + helper + "' take '" + b.database.url() + "' '" + b.data.native() + "' '" +
                     b.store.cache().native() + "' move - " + in + " > '" + out + "'") == 0);
    json::object said = json::read_object(read(out)).value();
    CHECK(said.find(turn == 0 ? "added" : "duplicates")->as_array()->size() == 1);
    CHECK(said.find("failed")->as_array()->size() == 1);
    CHECK((read(out).find("source_stays") != std::string::npos) == (turn == 0));
    CHECK(read(b.inbox / "x.epub") == epub({}));
    CHECK(read(b.inbox / "bad.epub") == "PK\3\4 nothing");
    CHECK(b.number("select count(*) from books") == 1);
    CHECK(b.number("select count(*) from ingest_items where state = 'rejected' and source_done and quarantine_path = ''") == 1);
    CHECK(b.files("staging").empty());
  }
}

TEST_CASE("the job of a file without room is put off and not failed") {
  workbench b;
  item i;
  i.id = uuid::make();
  i.origin = "upload";
  i.display_name = "x.epub";
  i.state = "failed";
  i.source_done = true;
  i.sha256 = std::string(64, '0');
  i.staging_path = "staging/" + i.id.text() + "/x.epub";
  write(b.store.absolute(i.staging_path), "not those bytes");
  uuid job = b.pool.write_now([&](db::tx& tx) {
    store_item(tx, i);
    return enqueue_file(tx, i.id);
  });
  db::notifier bell(b.database.url());
  jobs::workers w(b.pool, bell, 1, "test");
  register_jobs(w, b.with);
  REQUIRE(w.run_one());
  auto row = b.pool.read_now([&](db::tx& tx) { return jobs::find_job(tx, job); });
  REQUIRE(row);
  CHECK(row->state == "waiting");
  CHECK(row->attempts == 0);
  CHECK_FALSE(row->last_error.empty());
}

TEST_CASE("a full disk pauses taking in, says so once in errata, and goes on by itself") {
  workbench b;
  b.with.how.reserve = std::uint64_t{1} << 62;
  std::vector<uuid> jobs_of_files;
  for (int i = 0; i < 3; ++i) {
    std::string n = std::to_string(i);
    fs::path staged = b.data / "staging" / ("upload-" + n);
    write(staged, epub({.title = n, .text = n}));
    b.with.how.reserve = 0;
    jobs_of_files.push_back(std::get<upload_taken>(accept_upload(b.with, staged, n + ".epub", std::nullopt)).job);
    b.with.how.reserve = std::uint64_t{1} << 62;
  }
  db::notifier bell(b.database.url());
  jobs::workers w(b.pool, bell, 1, "test");
  register_jobs(w, b.with);
  while (w.run_one()) {
  }
  CHECK(b.number("select count(*) from books") == 0);
  CHECK(b.number("select count(*) from jobs where state = 'paused'") == 2);
  CHECK(b.number("select count(*) from jobs where state = 'waiting' and last_error like '%space%'") == 1);
  CHECK(b.text("select string_agg(error_code, ',') from ingest_items where state in ('failed', 'rejected')") == "disk_full");
  CHECK(b.text("select error_detail from ingest_items where state = 'rejected'").find("taking in is paused") !=
        std::string::npos);
  CHECK(b.number("select count(*) from ingest_items where state = 'hashed'") == 3);  // none of the files was touched

  // Meanwhile uploads are refused, and the command says why.
  write(b.data / "staging" / "upload-x", epub({.title = "X", .text = "x"}));
  upload_refused refused =
      std::get<upload_refused>(accept_upload(b.with, b.data / "staging" / "upload-x", "x.epub", std::nullopt));
  CHECK(refused.status == 507);
  write(b.inbox / "y.epub", epub({.title = "Y", .text = "y"}));
  CHECK(codes(b.take({b.inbox})) == "y.epub=disk_full ");
  CHECK_FALSE(resume_with_space(b.with));

  b.with.how.reserve = 0;
  CHECK(resume_with_space(b.with));
  CHECK_FALSE(resume_with_space(b.with));
  set_clock(now() + std::chrono::minutes(6));
  while (w.run_one()) {
  }
  set_clock(std::nullopt);
  CHECK(b.number("select count(*) from books") == 3);
  CHECK(b.number("select count(*) from ingest_items where state = 'rejected'") == 0);
}
