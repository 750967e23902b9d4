// What a ComicInfo.xml says is a source of its own (ingest.md 18.1, 18.2).
#include <catch2/catch.hpp>

#include "../../unit/publication/zip_maker.hpp"
#include "workbench.hpp"

using namespace carrel;
using namespace carrel::ingest;
using namespace carrel::ingest::test;

namespace {

std::string comic(const std::string& inside, int shade = 1) {
  std::vector<publication::test::part> parts{{.name = "p1.png", .data = publication::test::make_png(20 + shade, 30)},
                                             {.name = "p2.png", .data = publication::test::make_png(20 + shade, 31)}};
  if (!inside.empty()) parts.push_back({.name = "ComicInfo.xml", .data = "<ComicInfo>" + inside + "</ComicInfo>"});
  return publication::test::make_zip(parts);
}

}  // namespace

TEST_CASE("a comic that a ComicInfo names is sure enough to be approved by itself") {
  workbench b;
  b.with.how.auto_approve = 0.95;
  write(b.inbox / "Fog 1.cbz", comic("<Title>Fog at Sea</Title><Series>Fog</Series><Number>1</Number><Writer>Ada Lark</Writer>"));
  write(b.inbox / "Ada Lark - Rain.cbz", comic("", 2));
  outcome out = b.take({b.inbox}, true, false);
  INFO(codes(out));
  REQUIRE(out.added.size() == 2);
  CHECK(b.text("select status::text from books where title = 'Fog at Sea'") == "organized");
  CHECK(b.number("select count(*) from books where status = 'review'") == 1);
  std::string row =
      " from book_metadata_candidates c join books b on b.id = c.book_id where b.title = 'Fog at Sea' and c.source = 'comicinfo'";
  CHECK(b.text("select confidence::text" + row) == "0.9500");
  CHECK(b.text("select c.normalized->>'title'" + row) == "Fog at Sea");
  CHECK(b.text("select field_sources->>'title' from books where title = 'Fog at Sea'") == "comicinfo");
  CHECK(b.number("select count(*) from book_metadata_candidates c join books b on b.id = c.book_id"
                 " where b.title = 'Fog at Sea' and c.source = 'embedded'") == 0);
}

TEST_CASE("a comic whose ComicInfo leaves the author out waits for a person") {
  workbench b;
  b.with.how.auto_approve = 0.95;
  write(b.inbox / "x.cbz", comic("<Title>Fog at Sea</Title>"));
  outcome out = b.take({b.inbox}, true, false);
  REQUIRE(out.added.size() == 1);
  CHECK(out.added[0].status == "review");
}
