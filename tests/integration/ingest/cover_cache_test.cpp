#include <catch2/catch.hpp>
#include <thread>

#include "../../unit/publication/zip_maker.hpp"
#include "library/cover_cache.hpp"
#include "publication/cover.hpp"
#include "server/core/digest.hpp"
#include "workbench.hpp"

using namespace carrel;
using namespace carrel::ingest::test;

namespace {

struct shelf {
  shelf() {
    std::string png = publication::test::make_png(400, 800);
    cover.sha256 = sha256_hex(png);
    cover.storage_path = held.cover_path_for(cover.sha256, "image/png");
    cover.width = 400;
    cover.height = 800;
    REQUIRE_FALSE(held.write(cover.storage_path, png));
  }
  fs::path folder = fs::absolute(harness::fresh_folder("covers"));
  library::store held = library::store::open(folder / "data", folder / "cache").value();
  library::cover_ref cover;
};

}  // namespace

TEST_CASE("a rendition is cut once, fits its box and is found again") {
  shelf s;
  auto small = library::cover_cache(s.held, s.cover, 300);
  REQUIRE(small);
  auto facts = publication::inspect_picture(read(*small));
  REQUIRE(facts);
  CHECK(facts->mime == "image/jpeg");
  CHECK(facts->height == 300);
  CHECK(facts->width == 150);
  auto when = fs::last_write_time(*small);
  CHECK(library::cover_cache(s.held, s.cover, 300) == small);
  CHECK(fs::last_write_time(*small) == when);
  CHECK(library::cover_cache(s.held, s.cover, 0) == s.held.absolute(s.cover.storage_path));
}

TEST_CASE("covers are never enlarged") {
  shelf s;
  auto large = library::cover_cache(s.held, s.cover, 1600);
  REQUIRE(large);
  CHECK(publication::inspect_picture(read(*large))->height == 800);
}

TEST_CASE("an unfinished rendition is cut again, a lost master gives nothing") {
  shelf s;
  fs::path small = *library::cover_cache(s.held, s.cover, 300);
  std::string whole = read(small);
  write(small, whole.substr(0, whole.size() / 2));
  CHECK(library::cover_cache(s.held, s.cover, 300) == small);
  CHECK(read(small) == whole);
  fs::remove(s.held.absolute(s.cover.storage_path));
  CHECK_FALSE(library::cover_cache(s.held, s.cover, 600));
  CHECK_FALSE(library::cover_cache(s.held, s.cover, 0));
}

TEST_CASE("many requests at once get one rendition") {
  shelf s;
  std::vector<std::thread> team;
  std::atomic<int> good = 0;
  for (int i = 0; i < 8; ++i) team.emplace_back([&] { good += library::cover_cache(s.held, s.cover, 600) ? 1 : 0; });
  for (std::thread& t : team) t.join();
  CHECK(good == 8);
  CHECK(std::distance(fs::recursive_directory_iterator(s.held.cache() / "covers"), {}) == 2);  // a folder and a file
}

TEST_CASE("the cache is cut back to its size, oldest first") {
  shelf s;
  fs::path old = *library::cover_cache(s.held, s.cover, 300), recent = *library::cover_cache(s.held, s.cover, 600);
  fs::last_write_time(old, fs::file_time_type::clock::now() - std::chrono::hours(5));
  CHECK(library::trim_cover_cache(s.held, fs::file_size(recent)) == 1);
  CHECK_FALSE(fs::exists(old));
  CHECK(fs::exists(recent));
}
