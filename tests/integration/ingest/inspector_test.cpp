#include <fcntl.h>
#include <sys/resource.h>

#include <catch2/catch.hpp>
#include <thread>

#include "../../unit/publication/zip_maker.hpp"
#include "ingest/paths.hpp"
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
