#include <catch2/catch.hpp>

#include "ingest/jobs.hpp"
#include "ingest/pipeline.hpp"
#include "ingest/upload.hpp"
#include "library/book.hpp"
#include "workbench.hpp"

using namespace carrel;
using namespace carrel::ingest;
using namespace carrel::ingest::test;

namespace {

fs::path staged(const workbench& b, const std::string& bytes) {
  fs::path p = b.data / "staging" / ("upload-" + uuid::make().text());
  write(p, bytes);
  return p;
}

void work_off(workbench& b) {
  db::notifier bell(b.database.url());
  jobs::workers w(b.pool, bell, 1, "test");
  register_jobs(w, b.with);
  while (w.run_one()) {
  }
}

}  // namespace

TEST_CASE("an upload becomes an item and a job, and then a book under its own name") {
  workbench b;
  std::string bytes = epub({});
  fs::path p = staged(b, bytes);
  upload_answer answer = accept_upload(b.with, p, "C:\\books\\..\\My Book.epub", std::nullopt);
  REQUIRE(std::holds_alternative<upload_taken>(answer));
  CHECK_FALSE(fs::exists(p));
  CHECK(b.number("select count(*) from books") == 0);
  work_off(b);
  CHECK(b.text("select status::text from books") == "review");
  CHECK(b.text("select original_name from book_files") == "My Book.epub");
  CHECK(b.files("staging").empty());
  CHECK(b.files("attic").empty());
  CHECK(b.text("select state from jobs") == "done");
}

TEST_CASE("an upload of known bytes is answered with the book") {
  workbench b;
  std::string bytes = epub({});
  write(b.inbox / "a.epub", bytes);
  outcome first = b.take({b.inbox});
  fs::path p = staged(b, bytes);
  upload_answer answer = accept_upload(b.with, p, "again.epub", std::nullopt);
  REQUIRE(std::holds_alternative<upload_known>(answer));
  CHECK(std::get<upload_known>(answer).book == first.added.at(0).book);
  CHECK_FALSE(std::get<upload_known>(answer).trashed);
  CHECK_FALSE(fs::exists(p));
  CHECK(b.number("select count(*) from jobs") == 0);

  b.pool.write_now([&](db::tx& tx) { library::trash_books(tx, {first.added.at(0).book}, {}); });
  upload_known trashed = std::get<upload_known>(accept_upload(b.with, staged(b, bytes), "again.epub", std::nullopt));
  CHECK(trashed.book == first.added.at(0).book);
  CHECK(trashed.trashed);
}

TEST_CASE("uploads that cannot be anything are refused at once") {
  workbench b;
  b.with.how.upload_limit = 100;
  auto status = [&](const std::string& bytes, const std::string& name) {
    fs::path p = staged(b, bytes);
    upload_answer answer = accept_upload(b.with, p, name, std::nullopt);
    CHECK_FALSE(fs::exists(p));
    REQUIRE(std::holds_alternative<upload_refused>(answer));
    upload_refused r = std::get<upload_refused>(answer);
    CHECK_FALSE(r.message.empty());
    return r.code + " " + std::to_string(r.status);
  };
  CHECK(status("", "x.epub") == "empty_file 422");
  CHECK(status("x", ".hidden") == "ignored_name 415");
  CHECK(status("x", "") == "ignored_name 415");
  CHECK(status(std::string(101, 'x'), "x.epub") == "file_too_large 413");
}

TEST_CASE("a bad upload ends in quarantine and can be tried again or put away") {
  workbench b;
  upload_taken taken = std::get<upload_taken>(accept_upload(b.with, staged(b, "PK\3\4 nothing"), "bad.epub", std::nullopt));
  work_off(b);
  CHECK(b.text("select error_code from ingest_items") == "archive_corrupt");
  REQUIRE(b.files("quarantine").size() == 1);
  CHECK(b.text("select state from jobs") == "failed");

  REQUIRE(try_again(b.with, taken.item));
  CHECK(b.files("quarantine").empty());
  b.pool.write_now([&](db::tx& tx) { enqueue_file(tx, taken.item); });
  work_off(b);
  CHECK(b.text("select state from ingest_items") == "rejected");
  REQUIRE(b.files("quarantine").size() == 1);
  CHECK(read(b.files("quarantine")[0]) == "PK\3\4 nothing");

  CHECK(b.pool.write_now([&](db::tx& tx) { return dismiss(tx, taken.item); }));
  CHECK_FALSE(b.pool.write_now([&](db::tx& tx) { return dismiss(tx, taken.item); }));
}

TEST_CASE("two uploads of the same bytes at once are one book") {
  workbench b;
  std::string bytes = epub({});
  accept_upload(b.with, staged(b, bytes), "a.epub", std::nullopt);
  accept_upload(b.with, staged(b, bytes), "b.epub", std::nullopt);
  work_off(b);
  CHECK(b.number("select count(*) from books") == 1);
  CHECK(b.number("select count(*) from ingest_items where state = 'duplicate'") == 1);
  CHECK(b.files("staging").empty());
  CHECK(b.files("library").size() == 1);
}
