#include <catch2/catch.hpp>

#include "workbench.hpp"

using namespace carrel;
using namespace carrel::ingest;
using namespace carrel::ingest::test;

namespace {

outcome foreseen(workbench& b, bool approve = true) {
  ingest_options o;
  o.approve = approve;
  o.dry_run = true;
  return ingest_paths(b.with, {b.inbox}, o);
}

}  // namespace

TEST_CASE("a dry run says what would happen to each file and writes nothing") {
  workbench b;
  write(b.folder / "first" / "known.epub", epub({.title = "Known"}));
  uuid known = b.take({b.folder / "first"}).added.at(0).book;
  write(b.inbox / "a-new.epub", epub({.title = "New", .author = "Somebody", .text = "New words."}));
  write(b.inbox / "b-same.epub", epub({.title = "Known"}));
  write(b.inbox / "c-text.epub", epub({.title = "Other Title", .author = "Nobody"}));
  write(b.inbox / "d-new-again.epub", epub({.title = "New", .author = "Somebody", .text = "New words."}));
  write(b.inbox / "e-bad.epub", "PK\3\4 nothing");
  write(b.inbox / "f-empty.epub", "");
  write(b.inbox / ".hidden", "x");
  std::string rows = b.rows_of_everything();
  std::vector<fs::path> files = b.files("");

  outcome out = foreseen(b);
  REQUIRE(out.added.size() == 2);
  CHECK(out.added[0].path == (b.inbox / "a-new.epub").native());
  CHECK(out.added[0].status == "organized");
  CHECK(out.added[0].book.is_nil());
  CHECK_FALSE(out.added[0].possible_duplicate_of);
  CHECK(out.added[1].path == (b.inbox / "c-text.epub").native());
  CHECK(out.added[1].status == "review");
  CHECK(out.added[1].possible_duplicate_of == known);
  REQUIRE(out.duplicates.size() == 2);
  CHECK(out.duplicates[0].path == (b.inbox / "b-same.epub").native());
  CHECK(out.duplicates[0].book == known);
  CHECK(out.duplicates[1].same_as == out.added[0].path);
  CHECK(codes(out) == "e-bad.epub=archive_corrupt f-empty.epub=empty_file ");
  CHECK(out.ignored == 1);

  CHECK(b.rows_of_everything() == rows);
  CHECK(b.files("") == files);
  CHECK(fs::exists(b.inbox / "e-bad.epub"));

  std::string text = json::dump(to_json(out));
  auto document = json::read_object(text);
  REQUIRE(document);
  const json::object& added = *document->find("added")->as_array()->at(1).as_object();
  CHECK(json::dump(*added.find("book")) == "null");
  CHECK(*added.find("possible_duplicate_of")->as_text() == known.text());
  CHECK(json::dump(*document->find("dry_run")) == "true");
}

TEST_CASE("what a dry run said is what happens") {
  workbench b;
  write(b.inbox / "a.epub", epub({}));
  write(b.inbox / "b.epub", epub({}));
  write(b.inbox / "c.epub", "nothing that anybody reads");
  outcome before = foreseen(b, false);
  outcome after = b.take({b.inbox}, true, false);
  REQUIRE(before.added.size() == after.added.size());
  CHECK(before.added[0].status == after.added[0].status);
  CHECK(before.duplicates.size() == after.duplicates.size());
  CHECK(codes(before) == codes(after));
}
