#include <catch2/catch.hpp>

#include "../../unit/publication/zip_maker.hpp"
#include "household.hpp"
#include "ingest/jobs.hpp"
#include "ingest/pipeline.hpp"
#include "ingest/upload.hpp"
#include "publication/extractor_version.hpp"

using namespace carrel;
using namespace carrel::ingest;
using namespace carrel::ingest::test;

namespace {

void work_off(workbench& b) {
  db::notifier bell(b.database.url());
  jobs::workers w(b.pool, bell, 1, "test");
  register_jobs(w, b.with);
  while (w.run_one()) {
  }
}

std::string no_spine() {
  publication::test::part container{.name = "META-INF/container.xml",
                                    .data = "<container><rootfiles><rootfile full-path='p.opf'/></rootfiles></container>"};
  publication::test::part package{.name = "p.opf", .data = "<package><metadata/><manifest/></package>"};
  return publication::test::make_zip({container, package});
}

}  // namespace

TEST_CASE("the same bad bytes again are counted and not kept twice") {
  workbench b;
  std::string bad = "PK\3\4 nothing";
  write(b.inbox / "a.epub", bad);
  CHECK(codes(b.take({b.inbox}, false)) == "a.epub=archive_corrupt ");
  write(b.inbox / "b.epub", bad);
  write(b.inbox / "sub" / "c.epub", bad);
  CHECK(codes(b.take({b.inbox}, false)) == "b.epub=archive_corrupt c.epub=archive_corrupt ");
  REQUIRE(b.files("quarantine").size() == 1);
  CHECK(read(b.files("quarantine")[0]) == bad);
  CHECK(b.files("staging").empty());
  CHECK_FALSE(fs::exists(b.inbox / "b.epub"));
  CHECK(b.number("select count(*) from ingest_items where state = 'rejected' and dismissed_at is null") == 1);
  CHECK(b.number("select attempts from ingest_items where display_name = 'a.epub'") >= 3);

  // Somebody who put it away sees it again when it comes again.
  b.pool.write_now([](db::tx& tx) { tx.script("update ingest_items set dismissed_at = now()"); });
  write(b.inbox / "d.epub", bad);
  b.take({b.inbox}, false);
  CHECK(b.text("select string_agg(display_name, ',') from ingest_items where dismissed_at is null") == "a.epub");
}

TEST_CASE("a book that the database will not take stops no other and is kept") {
  workbench b;
  b.pool.write_now([](db::tx& tx) {
    tx.script(R"sql(
      create function refuse() returns trigger language plpgsql as $$
        begin raise exception 'numeric field overflow' using errcode = '22003'; end $$;
      create trigger refuse before insert on books for each row when (new.title = 'Bad') execute function refuse())sql");
  });
  std::string bad = epub({.title = "Bad", .text = "bad"});
  bool keep = GENERATE(false, true);
  for (const char* name : {"a", "c"}) write(b.inbox / (name + std::string(".epub")), epub({.title = name, .text = name}));
  write(b.inbox / "b.epub", bad);
  outcome out = b.take({b.inbox}, keep);
  CHECK(codes(out) == "b.epub=inspection_crash ");
  CHECK(out.added.size() == 2);
  CHECK(b.files("library").size() == 2);
  CHECK(b.files("staging").empty());
  fs::path there = keep ? b.inbox / "b.epub" : b.files("quarantine").at(0);
  CHECK(read(there) == bad);
  CHECK(fs::exists(b.inbox / "b.epub") == keep);
  // Nothing of it is left over for the next run.
  outcome again = b.take({b.folder / "in" / "a.epub"}, keep);
  CHECK(again.resumed == 0);
}

TEST_CASE("a file above every limit is refused without being read") {
  workbench b;
  fs::path huge = b.inbox / "huge.txt";
  write(huge, "hello");
  fs::resize_file(huge, 17ULL << 30);  // of holes
  CHECK(codes(b.take({b.inbox}, false)) == "huge.txt=file_too_large ");
  REQUIRE(b.files("quarantine").size() == 1);
  CHECK(fs::file_size(b.files("quarantine")[0]) == 17ULL << 30);
  CHECK(b.text("select sha256 from ingest_items") == "");
}

TEST_CASE("twenty copies of a bad file at once are one in quarantine") {
  workbench b;
  b.with.how.workers = 4;
  for (int i = 0; i < 20; ++i) write(b.inbox / (std::to_string(i) + ".epub"), "PK\3\4 nothing");
  outcome out = b.take({b.inbox}, false);
  CHECK(out.failed.size() == 20);
  CHECK(b.files("quarantine").size() == 1);
  CHECK(fs::is_empty(b.inbox));
  CHECK(b.number("select count(*) from ingest_items where state = 'rejected' and dismissed_at is null") == 1);
}

TEST_CASE("bad bytes whose quarantined copy is damaged are kept") {
  workbench b;
  write(b.inbox / "a.epub", "PK\3\4 nothing");
  b.take({b.inbox}, false);
  fs::path first = b.files("quarantine").at(0);
  write(first, "rotten");
  write(b.inbox / "b.epub", "PK\3\4 nothing");
  b.take({b.inbox}, false);
  REQUIRE(b.files("quarantine").size() == 2);
  CHECK(b.number("select count(*) from ingest_items where state = 'rejected' and dismissed_at is null") == 2);
}

TEST_CASE("a refused file that can be read now comes in when it is tried again") {
  workbench b;
  // A reader of before, which took nothing: its children die of every file.
  publication::isolated::pool blind(helper_inspectors("crash"));
  services before{b.pool, b.store, blind, b.with.how};
  std::string bytes = epub({});
  write(b.inbox / "x.epub", bytes);
  ingest_options o;
  outcome first = ingest_paths(before, {b.inbox}, o);
  CHECK(codes(first) == "x.epub=inspection_crash ");
  REQUIRE(b.files("quarantine").size() == 1);
  uuid item = *uuid::parse(b.text("select id::text from ingest_items"));

  REQUIRE(try_again(b.with, item));
  b.pool.write_now([&](db::tx& tx) { enqueue_file(tx, item); });
  work_off(b);
  CHECK(b.text("select state from ingest_items") == "inbox");
  CHECK(b.text("select error_code from ingest_items").empty());
  CHECK(b.number("select count(*) from books") == 1);
  CHECK(read(b.files("library").at(0)) == bytes);
  CHECK(b.files("quarantine").empty());
  CHECK(b.files("staging").empty());
  CHECK_FALSE(try_again(b.with, item));
}

TEST_CASE("what an older extractor refused is tried again at the next start, once, and what this one refused is not") {
  workbench b;
  publication::isolated::pool blind(helper_inspectors("crash"));
  services before{b.pool, b.store, blind, b.with.how};
  write(b.inbox / "x.epub", epub({}));
  write(b.inbox / "y.epub", epub({.title = "Y", .text = "y"}));
  write(b.inbox / "put-away.epub", epub({.title = "Z", .text = "z"}));
  ingest_paths(before, {b.inbox}, {});
  REQUIRE(b.files("quarantine").size() == 3);
  CHECK(b.number("select min(extractor_version) from ingest_items") == publication::extractor_version);
  b.recover();
  CHECK(b.number("select count(*) from books") == 0);

  b.pool.write_now([](db::tx& tx) {
    tx.script("update ingest_items set extractor_version = 0 where display_name <> 'y.epub'");
    tx.script("update ingest_items set dismissed_at = now() where display_name = 'put-away.epub'");
  });
  b.recover();
  CHECK(b.text("select string_agg(original_name, ',') from book_files") == "x.epub");
  CHECK(b.number("select min(extractor_version) from book_files") == publication::extractor_version);
  CHECK(b.files("quarantine").size() == 2);

  // Refused again, it waits for the next version.
  write(b.inbox / "bad.epub", "PK\3\4 nothing");
  b.take({b.inbox}, false);
  b.pool.write_now(
      [](db::tx& tx) { tx.script("update ingest_items set extractor_version = 0 where display_name = 'bad.epub'"); });
  auto tries = [&] { return b.number("select attempts from ingest_items where display_name = 'bad.epub'"); };
  std::int64_t first = tries();
  b.recover();
  std::int64_t second = tries();
  CHECK(second > first);
  CHECK(b.text("select state from ingest_items where display_name = 'bad.epub'") == "rejected");
  CHECK(b.files("quarantine").size() == 3);
  b.recover();
  CHECK(tries() == second);
}

TEST_CASE("a refused file that was kept where it is comes in from there when it is tried again") {
  workbench b;
  publication::isolated::pool blind(helper_inspectors("crash"));
  services before{b.pool, b.store, blind, b.with.how};
  write(b.inbox / "x.epub", epub({}));
  ingest_options o;
  o.keep = true;
  ingest_paths(before, {b.inbox}, o);
  uuid item = *uuid::parse(b.text("select id::text from ingest_items"));
  REQUIRE(try_again(b.with, item));
  b.pool.write_now([&](db::tx& tx) { enqueue_file(tx, item); });
  work_off(b);
  CHECK(b.number("select count(*) from books") == 1);
  CHECK(fs::exists(b.inbox / "x.epub"));
}

TEST_CASE("the job of a refused upload fails with its reason, and starting it again reads the file again") {
  workbench b;
  fs::path p = b.data / "staging" / "upload-x";
  write(p, "PK\3\4 nothing");
  upload_taken taken = std::get<upload_taken>(accept_upload(b.with, p, "bad.epub", std::nullopt));
  work_off(b);
  auto job = [&] { return *b.pool.read_now([&](db::tx& tx) { return jobs::find_job(tx, taken.job); }); };
  CHECK(job().state == "failed");
  CHECK(job().last_error.find("damaged or incomplete") != std::string::npos);
  std::string before = b.text("select updated_at::text from ingest_items");
  REQUIRE(b.pool.write_now([&](db::tx& tx) { return jobs::retry_job(tx, taken.job); }));
  work_off(b);
  CHECK(job().state == "failed");
  CHECK(b.text("select state from ingest_items") == "rejected");
  CHECK(b.text("select updated_at::text from ingest_items") != before);
  CHECK(b.files("quarantine").size() == 1);
}

TEST_CASE("the same refused bytes are one thing in errata, whichever way they come") {
  household h;
  workbench& b = h.b;
  std::string whole = epub({});
  auto [code, bytes] = GENERATE_COPY(table<std::string, std::string>(
      {{"archive_corrupt", whole.substr(0, whole.size() / 2)}, {"epub_no_spine", no_spine()}, {"empty_file", ""}}));
  b.with.how.incomplete_grace = b.with.how.empty_grace = std::chrono::milliseconds(1);
  h.watch_again();
  auto ended = [&](std::int64_t n) {
    return eventually(
        [&] { return b.number("select count(*) from ingest_items where state = 'rejected' and source_done") == n; });
  };
  bool by_upload = !bytes.empty();  // an empty upload is refused before it is an item
  write(h.drop() / "a.epub", bytes);
  REQUIRE(ended(1));
  write(h.drop() / "b.epub", bytes);
  REQUIRE(ended(2));
  for (int i = 0; by_upload && i < 2; ++i) {
    write(b.data / "staging" / "upload-x", bytes);
    accept_upload(b.with, b.data / "staging" / "upload-x", "c.epub", std::nullopt);
    REQUIRE(ended(3 + i));
  }
  for (bool keep : {true, false}) {
    write(b.inbox / "d.epub", bytes);
    write(b.inbox / "e.epub", bytes);
    b.take({b.inbox}, keep);
  }
  CHECK(eventually([&] { return h.errata() == "a.epub " + code; }));
  CHECK(b.files("quarantine").size() == 1);
  CHECK(b.files("staging").empty());
}

TEST_CASE("refused files that are kept where they are make one item, and the one in quarantine stands for them") {
  workbench b;
  auto shown = [&] {
    return b.text("select string_agg(display_name, ',') from ingest_items where state = 'rejected' and dismissed_at is null");
  };
  write(b.inbox / "a.epub", "PK\3\4 nothing");
  b.take({b.inbox});
  write(b.inbox / "b.epub", "PK\3\4 nothing");
  b.take({b.inbox});
  CHECK(shown() == "a.epub");
  CHECK(fs::exists(b.inbox / "a.epub"));
  CHECK(fs::exists(b.inbox / "b.epub"));
  // What was put away stays so when the folder is read again.
  b.pool.write_now([](db::tx& tx) { tx.script("update ingest_items set dismissed_at = now()"); });
  b.take({b.inbox});
  CHECK(shown().empty());
  b.pool.write_now([](db::tx& tx) { tx.script("update ingest_items set dismissed_at = null where display_name = 'a.epub'"); });
  write(b.folder / "other" / "c.epub", "PK\3\4 nothing");
  b.take({b.folder / "other"}, false);
  CHECK(shown() == "c.epub");
  CHECK(b.files("quarantine").size() == 1);
}
