#include <fcntl.h>
#include <sys/resource.h>

#include <catch2/catch.hpp>
#include <thread>

#include "../../unit/publication/pdf_maker.hpp"
#include "../../unit/publication/zip_maker.hpp"
#include "ingest/paths.hpp"
#include "publication/cover.hpp"
#include "workbench.hpp"

using namespace carrel;
using namespace carrel::ingest;
using namespace carrel::ingest::test;

namespace {

struct opened_file {
  explicit opened_file(const std::string& bytes) : path(fs::absolute(harness::fresh_folder("inspect")) / "x.epub") {
    write(path, bytes);
    handle = carrel::file(::open(path.c_str(), O_RDONLY));
  }
  fs::path path;
  carrel::file handle;
};

// A page of 300 by 400 points, red and then filled by a picture of 30 by 40 pixels.
publication::test::pdf scanned() {
  publication::test::pdf p;
  p.content = "1 0 0 rg 0 0 300 400 re f 300 0 0 400 0 0 cm /P Do";
  p.page +=
      " /Resources << /XObject << /P " + publication::test::reference(p.add(publication::test::jpeg_object(30, 40))) + " >> >>";
  return p;
}

publication::isolated::inspection inspected(const publication::isolated::options& how, const publication::test::pdf& p) {
  publication::isolated::pool pool(how);
  opened_file book(p.bytes());
  auto found = pool.inspect(book.handle.get(), "x.pdf");
  if (!found) FAIL(found.error().code << " " << found.error().detail);
  REQUIRE(found->about.format == "pdf");
  return std::move(*found);
}

bool has_warning(const publication::isolated::inspection& i, std::string_view code) {
  return std::any_of(i.about.warnings.begin(), i.about.warnings.end(), [&](const auto& w) { return w.code == code; });
}

}  // namespace

TEST_CASE("an inspector tells what is in a book, with its cover and its first rendition") {
  publication::isolated::pool pool(helper_inspectors());
  std::string png = publication::test::make_png(1000, 2000);
  opened_file book(epub({.cover = png}));
  auto found = pool.inspect(book.handle.get(), "x.epub");
  REQUIRE(found);
  CHECK(found->about.format == "epub");
  CHECK(found->about.about.title == "The Small Book");
  REQUIRE(found->about.cover);
  CHECK(found->about.cover->bytes == png);
  REQUIRE(found->thumbnails.size() == 1);
  CHECK(found->thumbnails[0].edge == 300);
  CHECK(found->thumbnails[0].jpeg.substr(0, 2) == "\xff\xd8");
}

TEST_CASE("many threads share two inspectors, and worn ones are replaced") {
  publication::isolated::pool pool(helper_inspectors());
  opened_file book(epub({}));
  std::atomic<int> good = 0;
  std::vector<std::thread> team;
  for (int t = 0; t < 6; ++t) {
    team.emplace_back([&] {
      for (int i = 0; i < 100; ++i) good += pool.inspect(book.handle.get(), "x.epub") ? 1 : 0;
    });
  }
  for (std::thread& t : team) t.join();
  CHECK(good == 600);
}

TEST_CASE("a child that crashes costs two tries and the file, and the next file is read") {
  opened_file book(epub({}));
  publication::isolated::pool crashing(helper_inspectors("crash"));
  auto found = crashing.inspect(book.handle.get(), "x.epub");
  REQUIRE_FALSE(found);
  CHECK(found.error().code == "inspection_crash");
}

TEST_CASE("a child that ends as GLib does without memory has met a limit") {
  opened_file book(epub({}));
  publication::isolated::pool starving(helper_inspectors("starve"));
  auto found = starving.inspect(book.handle.get(), "x.epub");
  REQUIRE_FALSE(found);
  CHECK(found.error().code == "inspection_limit");
}

TEST_CASE("a child that does not answer is stopped after four times its processor time") {
  publication::isolated::options slow = helper_inspectors("hang");
  slow.cpu = std::chrono::milliseconds(50);
  publication::isolated::pool pool(slow);
  opened_file book(epub({}));
  auto found = pool.inspect(book.handle.get(), "x.epub");
  REQUIRE_FALSE(found);
  CHECK(found.error().code == "inspection_limit");
}

TEST_CASE("a program that cannot be started is an error and no hang") {
  publication::isolated::options none;
  none.command = {"/nonexistent/carrel", "inspect"};
  publication::isolated::pool pool(none);
  opened_file book(epub({}));
  CHECK_FALSE(pool.inspect(book.handle.get(), "x.epub"));
}

TEST_CASE("the cover of a PDF is its first page, drawn and then looked at as any other") {
  publication::isolated::options how = helper_inspectors();
  if (how.first_page.program.empty()) {
    WARN("pdftoppm is not installed: not checked");
    return;
  }
  publication::isolated::inspection found = inspected(how, scanned());
  REQUIRE(found.about.cover);
  CHECK(found.about.cover->mime == "image/jpeg");
  CHECK(found.about.cover->width == 1200);
  CHECK(found.about.cover->height == 1600);
  auto facts = publication::inspect_picture(found.about.cover->bytes);
  REQUIRE(facts);
  CHECK(facts->height == 1600);
  REQUIRE(found.thumbnails.size() == 1);
  CHECK(found.thumbnails[0].edge == 300);
  CHECK(publication::inspect_picture(found.thumbnails[0].jpeg)->height == 300);
}

TEST_CASE("where no page can be drawn the picture that fills it is the cover") {
  publication::isolated::options how = helper_inspectors();
  std::string program = GENERATE("", "/nonexistent/pdftoppm", "/bin/true");
  how.first_page.program = program;
  publication::isolated::inspection found = inspected(how, scanned());
  REQUIRE(found.about.cover);
  CHECK(found.about.cover->width == 30);
  CHECK(found.thumbnails.size() == 1);
  CHECK_FALSE(has_warning(found, "cover_missing"));

  found = inspected(how, {});
  CHECK_FALSE(found.about.cover);
  CHECK(has_warning(found, "cover_missing") == !program.empty());
}

TEST_CASE("what a drawing program writes is no picture before a child has seen it") {
  fs::path folder = fs::absolute(harness::fresh_folder("liar"));
  write(folder / "pdftoppm", "#!/bin/sh\nfor last; do :; done\necho '<script>' >$last.jpg\n");
  fs::permissions(folder / "pdftoppm", fs::perms::owner_all);
  publication::isolated::options how = helper_inspectors();
  how.first_page.program = folder / "pdftoppm";
  publication::isolated::inspection found = inspected(how, scanned());
  REQUIRE(found.about.cover);
  CHECK(found.about.cover->width == 30);
}

TEST_CASE("a page of more than 200 inches is not drawn") {
  publication::test::pdf p;
  p.page = "/MediaBox [0 0 20000 100] /Contents 4 0 R";
  publication::isolated::inspection found = inspected(helper_inspectors(), p);
  CHECK_FALSE(found.about.cover);
  CHECK_FALSE(has_warning(found, "cover_missing"));
}

TEST_CASE("an inspector keeps to the limits that are set") {
  publication::isolated::options how = helper_inspectors();
  opened_file book(epub({}));
  how.allowed.entries = 2;
  publication::isolated::pool strict(how);
  auto refused = strict.inspect(book.handle.get(), "x.epub");
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code == "archive_too_many_entries");
  CHECK_FALSE(strict.glance(book.handle.get(), "x.epub"));
  CHECK(publication::isolated::pool(helper_inspectors()).inspect(book.handle.get(), "x.epub"));
}
