#include "ingest/missing_covers.hpp"

#include <catch2/catch.hpp>

#include "../../unit/publication/pdf_maker.hpp"
#include "publication/isolated/first_page.hpp"
#include "workbench.hpp"

using namespace carrel;
using namespace carrel::ingest;
using namespace carrel::ingest::test;

namespace {

// As on a machine where nobody has installed pdftoppm yet.
publication::isolated::options without_pictures() {
  publication::isolated::options out = helper_inspectors();
  out.first_page.program.clear();
  return out;
}

struct bench_without_pictures : workbench {
  bench_without_pictures() {
    for (const char* name : {"one.pdf", "two.pdf"}) {
      publication::test::pdf p;
      p.content = name == std::string("one.pdf") ? "1 0 0 rg 0 0 300 400 re f" : "0 1 0 rg 0 0 300 400 re f";
      write(inbox / name, p.bytes());
    }
    write(inbox / "words.txt", "Words without any picture.\n");
    publication::isolated::pool blind(without_pictures());
    services poor{.pool = pool, .store = store, .inspectors = blind, .how = with.how};
    ingest_options how{.approve = true, .keep = true, .user = std::nullopt};
    outcome o = ingest_paths(poor, {inbox}, how);
    REQUIRE(codes(o).empty());
    REQUIRE(without_cover() == 3);
  }
  std::int64_t without_cover() { return number("select count(*) from books where cover_id is null"); }
  missing_covers look(bool dry_run = false, std::stop_token stop = {}) {
    std::int64_t told = 0;
    missing_covers out = find_missing_covers(with, {.dry_run = dry_run, .stop = stop}, [&](std::int64_t now, std::int64_t of) {
      CHECK(now == ++told);
      CHECK(of >= now);
    });
    CHECK(told == out.books);
    return out;
  }
};

bool may_draw() {
  if (!publication::isolated::pdftoppm().empty()) return true;
  WARN("pdftoppm is not installed: not checked");
  return false;
}

}  // namespace

TEST_CASE("a book whose cover could not be made once gets it when it can") {
  if (!may_draw()) return;
  bench_without_pictures b;
  std::string before = b.rows_of_everything();
  missing_covers o = b.look(true);
  CHECK(o.books == 3);
  CHECK(o.found == 2);
  CHECK(b.rows_of_everything() == before);

  std::int64_t revision = b.number("select revision from catalog_revision");
  o = b.look();
  CHECK(o.books == 3);
  CHECK(o.found == 2);
  CHECK(o.unreadable == 0);
  CHECK(b.without_cover() == 1);
  CHECK(b.number("select count(*) from covers where source = 'embedded'") == 2);
  CHECK(b.number("select count(*) from books where version > 1") == 2);
  CHECK(b.number("select revision from catalog_revision") > revision);
  CHECK(b.look().found == 0);
}

TEST_CASE("a cover that was taken away on purpose stays away, and what cannot be read is told") {
  if (!may_draw()) return;
  bench_without_pictures b;
  b.number(
      "with x as (update books set locked_fields = '{cover}' where id = (select book_id from book_files where original_name = "
      "'one.pdf') returning 1) select count(*) from x");
  fs::remove(b.data / b.text("select storage_path from book_files where original_name = 'two.pdf'"));
  missing_covers o = b.look();
  CHECK(o.books == 2);
  CHECK(o.found == 0);
  CHECK(o.unreadable == 1);
  CHECK(b.without_cover() == 3);
}

TEST_CASE("the search for covers ends when it is asked to") {
  bench_without_pictures b;
  std::stop_source over;
  over.request_stop();
  CHECK(b.look(false, over.get_token()).books == 0);
}
