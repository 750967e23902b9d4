#include "kobo/cover_box.hpp"

#include <algorithm>
#include <catch2/catch.hpp>
#include <set>

#include "library/cover_cache.hpp"

using namespace carrel;

namespace {

library::cover_ref cover(int width, int height) {
  return {.id = uuid{}, .sha256 = "", .storage_path = "", .width = width, .height = height};
}

}  // namespace

TEST_CASE("whatever a device asks for, one cover has few sizes, and none that does not fit") {
  for (auto [width, height] : {std::pair(1600, 2400), std::pair(3000, 3000), std::pair(700, 500), std::pair(40, 60)}) {
    library::cover_ref c = cover(width, height);
    std::set<int> sizes{300, 600, 1600};  // of pages and feeds
    for (int w = 1; w <= 4096; w += w < 100 ? 1 : 13) {
      for (int h = 1; h <= 4096; h += h < 100 ? 1 : 13) {
        int edge = kobo::cover_edge(c, w, h);
        sizes.insert(edge);
        if (edge > 8) CHECK(edge <= library::edge_in_box(width, height, w, h));
      }
    }
    for (auto [w, h] : {std::pair(355, 530), std::pair(1264, 1680), std::pair(149, 223)}) sizes.insert(kobo::cover_edge(c, w, h));
    CHECK(sizes.size() <= 32);
  }
}

TEST_CASE("boxes that readers ask for are met as they are") {
  CHECK(kobo::cover_edge(cover(1600, 2400), 355, 530) == 530);
  CHECK(kobo::cover_edge(cover(1600, 2400), 1264, 1680) == 1680);
  CHECK(kobo::cover_edge(cover(2400, 2400), 355, 530) == 355);
  CHECK(kobo::cover_edge(cover(200, 300), 1264, 1680) == 300);  // never enlarged
  CHECK(kobo::cover_edge(cover(1600, 2400), 350, 525) == 400);  // the next smaller of the steps
}
