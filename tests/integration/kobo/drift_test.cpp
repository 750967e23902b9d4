// Whatever happens between a Kobo and its shelf, one undisturbed sync makes them equal, and after it there is silence
// (kobo.md 17.11; I11 needs HTTP and is tested there).
#include <catch2/catch.hpp>
#include <cstdlib>

#include "tests/integration/kobo/story.hpp"

using namespace carrel::kobo::tests;

TEST_CASE("a Kobo and its shelf are equal after one whole sync, whatever happened before") {
  const char* asked = std::getenv("KOBO_SEEDS");  // many more by hand
  unsigned seeds = asked ? static_cast<unsigned>(std::atoi(asked)) : 90;
  const char* from = std::getenv("KOBO_FIRST_SEED");
  unsigned first = from ? static_cast<unsigned>(std::atoi(from)) : 1;
  shop s;
  for (unsigned seed = first; seed < first + seeds; ++seed) {
    INFO("seed " << seed);
    story t(s, seed);
    t.run();
  }
}
