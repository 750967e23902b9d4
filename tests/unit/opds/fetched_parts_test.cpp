#include "opds/fetched_parts.hpp"

#include <catch2/catch.hpp>

using namespace carrel;
using namespace carrel::opds;

namespace {

const instant noon{std::chrono::hours{12}};

fetched_parts::part bytes(std::int64_t first, std::int64_t count, bool arrived = true) {
  return {.first = first, .count = count, .size = 100, .arrived = arrived};
}

}  // namespace

TEST_CASE("a file has arrived with its last byte, when all before it have") {
  fetched_parts all(10);
  CHECK(all.note("whole", bytes(0, 100), noon));
  CHECK_FALSE(all.note("cut off", bytes(0, 100, false), noon));
  CHECK(all.note("cut off", bytes(30, 70), noon));
  CHECK_FALSE(all.note("parts", bytes(0, 40), noon));
  CHECK_FALSE(all.note("parts", bytes(40, 20), noon));
  CHECK(all.note("parts", bytes(60, 40), noon));
}

TEST_CASE("looking at the end of a file is no download of it") {
  fetched_parts all(10);
  CHECK_FALSE(all.note("zip", bytes(78, 22), noon));
  CHECK_FALSE(all.note("zip", bytes(60, 40), noon));
  CHECK_FALSE(all.note("zip", bytes(1, 99), noon));
  CHECK(all.note("zip", bytes(0, 1), noon));
  CHECK_FALSE(all.note("head", bytes(0, 10), noon));
  CHECK_FALSE(all.note("head", bytes(78, 22), noon));
  CHECK(all.note("head", bytes(10, 68), noon));
}

TEST_CASE("a part in the middle that was cut off is taken up where it broke") {
  fetched_parts all(10);
  CHECK_FALSE(all.note("parts", bytes(0, 40), noon));
  CHECK_FALSE(all.note("parts", bytes(40, 60, false), noon));
  CHECK(all.note("parts", bytes(70, 30), noon));
  CHECK_FALSE(all.note("gap", bytes(0, 40), noon));
  CHECK_FALSE(all.note("gap", bytes(60, 40, false), noon));
  CHECK_FALSE(all.note("gap", bytes(70, 30), noon));
}

TEST_CASE("parts may come in any order and overlap, and gaps count") {
  fetched_parts all(10);
  for (const auto& p : {bytes(50, 10), bytes(90, 10), bytes(70, 15), bytes(55, 20), bytes(10, 30), bytes(5, 50)})
    CHECK_FALSE(all.note("a", p, noon));
  CHECK_FALSE(all.note("b", bytes(0, 5), noon));
  CHECK_FALSE(all.note("a", bytes(0, 6), noon));
  CHECK(all.note("a", bytes(84, 7), noon));
}

TEST_CASE("what came more than a day ago, or before very many others, is forgotten") {
  fetched_parts all(3);
  CHECK_FALSE(all.note("old", bytes(0, 50), noon));
  CHECK_FALSE(all.note("old", bytes(50, 50), noon + std::chrono::hours{25}));
  CHECK_FALSE(all.note("first", bytes(0, 50), noon));
  for (const char* other : {"x", "y", "z"}) CHECK_FALSE(all.note(other, bytes(0, 50), noon + std::chrono::minutes{1}));
  CHECK_FALSE(all.note("first", bytes(50, 50), noon + std::chrono::minutes{2}));
}
