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

TEST_CASE("a later volume of a comic is a series of its own where that is wished") {
  workbench b;
  b.with.how.comic_volume = true;
  auto named = [&](const std::string& volume, int shade) {
    std::string title = "v" + volume;
    write(b.inbox / (title + ".cbz"),
          comic("<Title>" + title + "</Title><Series>Fog</Series><Number>1</Number><Volume>" + volume + "</Volume>", shade));
    b.take({b.inbox});
    return b.text("select s.name from books b join series s on s.id = b.series_id where b.title = '" + title + "'");
  };
  CHECK(named("2", 1) == "Fog (2)");
  CHECK(named("1", 2) == "Fog");
  CHECK(named("2019", 3) == "Fog");
}

TEST_CASE("genres and tags of a comic and of the file beside it are united where that is wished") {
  for (bool united : {false, true}) {
    workbench b;
    b.with.how.unite_subjects = united;
    write(b.inbox / "x" / "x.cbz", comic("<Title>Fog</Title><Tags>Sea, Rain</Tags>"));
    write(b.inbox / "x" / "x.metadata.json", R"({"title":"Fog","tags":["Coast","sea"]})");
    b.take({b.inbox});
    CHECK(b.text("select array_to_string(tags, ' ') from books") == (united ? "Coast sea Rain" : "Coast sea"));
  }
}
