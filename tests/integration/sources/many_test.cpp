#include <catch2/catch.hpp>

#include "tests/integration/sources/stage.hpp"

using namespace carrel;
using namespace carrel::ingest::sources::test;
using namespace std::chrono_literals;

TEST_CASE("a thousand books are asked for at the polite rate and no faster") {
  stopped_clock clock(at("2026-03-04T12:00:00Z"));
  stage s({}, "open_library");
  instant begin = now();
  uuid job = s.ask_for_all(s.add_books(1000));
  s.run();
  std::vector<instant> moments = s.library.moments();
  REQUIRE(moments.size() == 1000);
  auto closest = std::chrono::microseconds(1h), farthest = std::chrono::microseconds(0);
  for (std::size_t i = 1; i < moments.size(); ++i) {
    closest = std::min(closest, moments[i] - moments[i - 1]);
    farthest = std::max(farthest, moments[i] - moments[i - 1]);
  }
  CHECK(closest >= 990ms);  // 1.1 s, a tenth more or less
  CHECK(farthest <= 1'215ms);
  CHECK(farthest - closest > 50ms);
  CHECK(now() - begin >= 990s);
  CHECK(s.job_state(job) == "done");
  CHECK(s.number("select count(*) from book_metadata_candidates") == 1000);
  CHECK(s.number("select count(*) from metadata_jobs where done_at is null") == 0);
}
