#include <catch2/catch.hpp>

#include "server/jobs/queue.hpp"
#include "tests/integration/web/world.hpp"

using namespace carrel;
using namespace carrel::web::tests;

namespace {

std::string target(const reply& r) { return r.header("Location"); }

uuid some_job(world& w) {
  return w.write([&](db::tx& tx) { return jobs::enqueue(tx, "ingest.file", "a", {}, {}, w.librarian); });
}

}  // namespace

TEST_CASE("a file sent with the form arrives with its name and bytes") {
  world w;
  w.next_upload.job = some_job(w);
  client c = w.as("librarian");
  CHECK(c.get("/upload").says("enctype=\"multipart/form-data\""));
  reply r = c.upload("/upload", "the harbour.epub", "the bytes", {{"csrf", c.csrf}});
  CHECK(r.status == 303);
  CHECK(r.header("Location") == "/upload?done=upload.sent");
  REQUIRE(w.uploads.size() == 1);
  CHECK(w.uploads[0].first == "the harbour.epub");
  CHECK(w.uploads[0].second == "the bytes");
}

TEST_CASE("an upload without the token, or by somebody who may not, reaches nothing") {
  world w;
  w.next_upload.job = some_job(w);
  client c = w.as("librarian");
  CHECK(c.upload("/upload", "a.epub", "x", {}).status == 403);
  CHECK(c.upload("/upload", "a.epub", "x", {{"csrf", "wrong"}}).status == 403);
  CHECK(c.upload("/upload", "a.epub", "x", {{"csrf", c.csrf}}, {{"X-CSRF-Token", "wrong"}}).status == 403);
  client reader = w.as("reader");
  CHECK(reader.upload("/upload", "a.epub", "x", {{"csrf", reader.csrf}}).status == 404);
  CHECK(w.anonymous().upload("/upload", "a.epub", "x", {}).status == 401);
  CHECK(c.upload("/api/v1/books", "a.epub", "x", {}).status == 403);
  CHECK(w.uploads.empty());
}

TEST_CASE("bytes that are there already name their book, and a refused file its reason") {
  world w;
  made_book book = w.add_book("The Open Harbour");
  client c = w.as("librarian");
  w.next_upload.known_book = book.id;
  reply told = c.upload("/upload", "a.epub", "x", {{"csrf", c.csrf}});
  CHECK(told.status == 303);
  CHECK(c.get(target(told)).says("href=\"" + book.path() + "\""));
  reply known = c.upload("/api/v1/books", "a.epub", "x", {}, {{"X-CSRF-Token", c.csrf}});
  CHECK(known.status == 409);
  CHECK(known.text("book") == book.id.text());

  w.next_upload = {};
  w.next_upload.refused = error{"archive_corrupt", "The file is damaged."};
  reply page = c.upload("/upload", "<b>.epub", "x", {{"csrf", c.csrf}});
  // The result has an address of its own, so that loading it again sends nothing again.
  REQUIRE(page.status == 303);
  std::size_t sent = w.uploads.size();
  for (int again = 0; again < 2; ++again) {
    page = again == 0 ? c.get(target(page)) : c.get("/upload?not=archive_corrupt%3A-%3A%3Cb%3E.epub");
    CHECK(page.status == 200);
    CHECK(page.says("The file is damaged or incomplete"));
    CHECK(page.says("&lt;b&gt;.epub"));
  }
  CHECK(w.uploads.size() == sent);
  CHECK(c.get("/upload?not=nothing&not=%3A%3A&more=x").status == 200);
  CHECK(c.upload("/api/v1/books", "a.epub", "x", {}, {{"X-CSRF-Token", c.csrf}}).status == 422);
  w.next_upload.refused = error{"disk_full", "There is not enough space. Will be tried again."};
  reply full = c.upload("/api/v1/books", "a.epub", "x", {}, {{"X-CSRF-Token", c.csrf}});
  CHECK(full.status == 507);
  CHECK_FALSE(full.says("tried again"));
}

TEST_CASE("an upload over the API answers 202 with its job") {
  world w;
  uuid job = some_job(w);
  w.next_upload.job = job;
  client c = w.as("librarian");
  reply r = c.upload("/api/v1/books", "a.epub", "x", {}, {{"X-CSRF-Token", c.csrf}});
  CHECK(r.status == 202);
  CHECK(r.text("id") == job.text());
  CHECK(r.text("job") == job.text());
  CHECK(r.text("kind") == "ingest.file");
}

TEST_CASE("an upload that is too large, empty or no form is refused") {
  world w;
  client c = w.as("librarian");
  CHECK(c.upload("/upload", "a.epub", std::string(2'000'000, 'x'), {{"csrf", c.csrf}}).status == 413);
  CHECK(c.send("POST", "/upload", "nonsense", {{"Content-Type", "multipart/form-data; boundary=x"}}).status == 400);
  CHECK(c.send("POST", "/upload", "a=b", {{"Content-Type", "text/plain"}}).status == 400);
  CHECK(c.upload("/upload", "", "", {{"csrf", c.csrf}}).header("Location") == "/upload");
  CHECK(c.send("POST", "/api/v1/books", "", {{"X-CSRF-Token", c.csrf}}).status == 400);
  CHECK(w.uploads.empty());
}
