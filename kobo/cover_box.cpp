#include "kobo/cover_box.hpp"

#include <algorithm>
#include <array>

#include "library/cover_cache.hpp"

namespace carrel::kobo {
namespace {

struct known_box {
  double width, height;
};
constexpr std::array<known_box, 13> known{{{60, 90},
                                           {138, 216},
                                           {149, 223},
                                           {355, 530},
                                           {600, 800},
                                           {758, 1014},
                                           {758, 1024},
                                           {1072, 1448},
                                           {1080, 1429},
                                           {1080, 1440},
                                           {1264, 1680},
                                           {1404, 1872},
                                           {1440, 1920}}};
// With the known boxes, the cover's own size and the sizes of pages and feeds no more than 32 (19.3).
constexpr std::array<int, 17> steps{8, 16, 30, 60, 90, 120, 160, 223, 300, 400, 530, 640, 800, 1000, 1280, 1600, 2000};

}  // namespace

int cover_edge(const library::cover_ref& cover, double box_width, double box_height) {
  int edge = library::edge_in_box(cover.width, cover.height, box_width, box_height);
  bool whole = edge == std::max({cover.width, cover.height, 1});
  bool asked_before =
      std::any_of(known.begin(), known.end(), [&](const known_box& b) { return b.width == box_width && b.height == box_height; });
  if (whole || asked_before) return edge;
  const int* above = std::upper_bound(steps.begin(), steps.end(), edge);
  return above == steps.begin() ? steps.front() : *(above - 1);
}

}  // namespace carrel::kobo
