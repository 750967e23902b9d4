// ingest.md 4.4 for files that are one book together: whenever the process is killed, there is one book with all of them, and
// what lay beside them is in the store and in the attic once.

#include <catch2/catch.hpp>
#include <csignal>

#include "ingest/recover.hpp"
#include "killed.hpp"

using namespace carrel;
using namespace carrel::ingest;
using namespace carrel::ingest::test;

namespace {

const std::string told =
    "<package><metadata xmlns:dc='http://purl.org/dc/elements/1.1/'><dc:title>The Small Book, "
    "Told</dc:title></metadata></package>";
const std::string words = "A text about harbours, long enough to be one.";

void lay_out(const workbench& b) {
  write(b.inbox / "x" / "x.epub", epub({}));
  write(b.inbox / "x" / "x.txt", words);
  write(b.inbox / "x" / "metadata.opf", told);
  write(b.inbox / "x" / "x.metadata.json", "{}");
}

void check_one_book(workbench& b) {
  CHECK(b.number("select count(*) from books") == 1);
  CHECK(b.text("select title from books") == "The Small Book, Told");
  CHECK(b.text("select field_sources->>'title' from books") == "sidecar_opf");
  CHECK(b.text("select string_agg(format, ' ' order by rank) from book_files") == "epub txt");
  CHECK(b.number("select count(*) from ingest_items where source_done and state = 'organised'") == 2);
  CHECK(b.number("select count(*) from sidecars where book_id is not null and storage_path <> ''") == 2);
  CHECK(b.number("select count(*) from ingest_groups where ended") == 1);
  CHECK(b.files("library").size() == 4);
  CHECK(b.files("staging").empty());
  CHECK(find_abandoned(b.pool, b.store).items.empty());
}

// Which steps, and whether for the first file of the group or the second.
const std::vector<std::pair<step, int>> moments{
    {step::probed, 1},     {step::probed, 2},   {step::hashed, 1},       {step::hashed, 2},      {step::in_staging, 1},
    {step::in_staging, 2}, {step::in_attic, 2}, {step::placed, 1},       {step::placed, 2},      {step::stored, 1},
    {step::stored, 2},     {step::told, 1},     {step::sidecar_gone, 1}, {step::sidecar_gone, 2}};

}  // namespace

TEST_CASE("killed at any moment, files that are moved are one book afterwards, and nothing of it is lost") {
  for (auto [s, times] : moments) {
    workbench b;
    INFO("step " << static_cast<int>(s) << ", time " << times);
    lay_out(b);
    CHECK(run_and_kill(b, "move", s, b.inbox, times) == SIGKILL);
    b.recover();
    check_one_book(b);
    CHECK(fs::is_empty(b.inbox / "x"));
    CHECK(b.files("attic").size() == 4);
    CHECK(b.number("select count(*) from sidecars where source_done") == 2);
  }
}

TEST_CASE("killed at any moment, files that are kept are one book afterwards, and are where they were") {
  for (auto [s, times] : moments) {
    if (s == step::in_attic || s == step::sidecar_gone) continue;
    workbench b;
    INFO("step " << static_cast<int>(s) << ", time " << times);
    lay_out(b);
    CHECK(run_and_kill(b, "keep", s, b.inbox, times) == SIGKILL);
    b.recover();
    check_one_book(b);
    CHECK(read(b.inbox / "x" / "x.txt") == words);
    CHECK(read(b.inbox / "x" / "metadata.opf") == told);
    CHECK(b.files("attic").empty());
    CHECK(b.take({b.inbox}).duplicates.size() == 2);
    CHECK(b.number("select count(*) from books") == 1);
  }
}

TEST_CASE("a later command finishes a group that a killed one left") {
  workbench b;
  lay_out(b);
  REQUIRE(run_and_kill(b, "move", step::stored, b.inbox) == SIGKILL);
  write(b.folder / "other" / "y.epub", epub({.title = "Other", .text = "Other words."}));
  outcome out = b.take({b.folder / "other"}, false);
  INFO(json::dump(to_json(out)));
  CHECK(out.failed.empty());
  CHECK(out.resumed == 2);
  b.pool.write_now([](db::tx& tx) { tx.script("delete from books where title = 'Other'"); });
  CHECK(b.text("select string_agg(format, ' ' order by rank) from book_files") == "epub txt");
  CHECK(fs::is_empty(b.inbox / "x"));
}
