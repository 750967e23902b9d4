#include <catch2/catch.hpp>

#include "library/book.hpp"
#include "server/core/digest.hpp"
#include "tests/integration/ingest/small_epub.hpp"
#include "tests/integration/ingest_served/served.hpp"

using namespace carrel;
using namespace carrel::ingest::served;
using carrel::ingest::test::epub;
using carrel::web::tests::reply;

TEST_CASE("the job of an upload names the book, or the reason and the code") {
  house h;
  service s(h);
  reply taken = s.upload("x.epub", epub({}));
  REQUIRE(taken.status == 202);
  json::object job = s.ended_job(taken.text("job"));
  CHECK(text_of(job, "state") == "done");
  CHECK(text_of(job, "outcome") == "added");
  CHECK(text_of(job, "name") == "x.epub");
  CHECK(text_of(job, "book") == h.text("select id::text from books"));
  CHECK(text_of(job, "file") == h.text("select id::text from book_files"));
  std::int64_t done = 0, total = 0;
  CHECK((job.take("done", done) && job.take("total", total)));
  CHECK(done == 1);
  CHECK(total == 1);
  CHECK(json::dump(*job.find("error")) == "null");
  CHECK(s.owner.get("/books/" + text_of(job, "book")).status == 200);

  reply bad = s.upload("bad.epub", "PK\3\4 nothing");
  REQUIRE(bad.status == 202);
  json::object refused = s.ended_job(bad.text("job"));
  CHECK(text_of(refused, "state") == "failed");
  CHECK(text_of(refused, "outcome") == "refused");
  CHECK(text_of(refused, "error_code") == "archive_corrupt");
  CHECK(text_of(refused, "error").find("damaged or incomplete") != std::string::npos);
  CHECK(json::dump(*refused.find("book")) == "null");
  // One thing that needs an eye, not a file and a job.
  reply errata = s.owner.api("GET", "/errata");
  CHECK(errata.says("failed_ingest"));
  CHECK_FALSE(errata.says("failed_job"));
}

TEST_CASE("bytes that lie in the trash name their book and the way back, over the API and on the page") {
  house h;
  service s(h);
  std::string book = text_of(s.ended_job(s.upload("x.epub", epub({})).text("job")), "book");
  reply known = s.upload("again.epub", epub({}));
  CHECK(known.status == 409);
  CHECK(known.text("book") == book);
  CHECK(known.says("\"trashed\":false"));

  REQUIRE(s.owner.api("DELETE", "/books/" + book).status == 204);
  reply trashed = s.upload("again.epub", epub({}));
  CHECK(trashed.status == 409);
  CHECK(trashed.text("book") == book);
  CHECK(trashed.says("\"trashed\":true"));
  CHECK(trashed.says("The Small Book"));
  reply sent = s.owner.upload("/upload", "again.epub", epub({}), {{"csrf", s.owner.csrf}});
  REQUIRE(sent.status == 303);
  reply page = s.owner.get(sent.header("Location"));
  CHECK(page.says("action=\"/books/" + book + "/untrash\""));

  std::string restore = trashed.text("restore");
  REQUIRE(restore.find("/api/v1/books/" + book + "/restore") != std::string::npos);
  CHECK(s.owner.api("POST", "/books/" + book + "/restore").text("id") == book);
  CHECK(s.owner.api("POST", "/books/" + book + "/restore").status == 404);
  CHECK(s.owner.api("GET", "/books/" + book).status == 200);
}

TEST_CASE("PUT replaces the bytes of a file: same book, same file, the old bytes in the attic") {
  house h;
  service s(h);
  std::string old_bytes = epub({}), new_bytes = epub({.text = "Once there was a better book."});
  json::object job = s.ended_job(s.upload("x.epub", old_bytes).text("job"));
  std::string path = "/books/" + text_of(job, "book") + "/files/" + text_of(job, "file");
  reply replaced = s.owner.send("PUT", "/api/v1" + path, new_bytes,
                                {{"X-CSRF-Token", s.owner.csrf}, {"Content-Type", "application/octet-stream"}});
  REQUIRE(replaced.status == 200);
  CHECK(replaced.text("id") == text_of(job, "file"));
  CHECK(replaced.text("checksum") == sha256_hex(new_bytes));
  CHECK(s.owner.get("/api/v1" + path).body == new_bytes);
  CHECK(h.number("select count(*) from book_files") == 1);
  std::string kept;
  for (const fs::directory_entry& e : fs::recursive_directory_iterator(h.data / "attic")) {
    if (e.is_regular_file()) kept = e.path();
  }
  CHECK(carrel::ingest::test::read(kept) == old_bytes);
  reply refused = s.owner.send("PUT", "/api/v1" + path, "PK\3\4 nothing",
                               {{"X-CSRF-Token", s.owner.csrf}, {"Content-Type", "application/octet-stream"}});
  CHECK(refused.status == 422);
  CHECK(refused.says("archive_corrupt"));
  CHECK(s.owner.get("/api/v1" + path).body == new_bytes);
}

TEST_CASE("a file in errata that can be read now comes in with \"try again\"") {
  house h;
  service s(h);
  json::object job = s.ended_job(s.upload("x.epub", "PK\3\4 nothing").text("job"));
  std::string item = text_of(job, "item");
  std::string quarantined = h.text("select quarantine_path from ingest_items");
  // As a repair by hand.
  carrel::ingest::test::write(h.data / quarantined, epub({}));
  CHECK(s.owner.post("/errata/" + item + "/retry").status == 303);
  REQUIRE(eventually([&] { return h.number("select count(*) from books") == 1; }));
  CHECK(eventually([&] { return h.text("select state from ingest_items") == "inbox"; }));
  CHECK_FALSE(s.owner.api("GET", "/errata").says("failed_ingest"));
  CHECK(s.owner.post("/errata/" + item + "/retry").status != 303);
}
