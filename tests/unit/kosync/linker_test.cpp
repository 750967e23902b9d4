#include "kosync/linker.hpp"

#include <catch2/catch.hpp>

using namespace carrel;

TEST_CASE("a database that takes no more work stops neither the search for books nor whoever asks for it") {
  db::pool full({.url = "host=/nowhere", .connections = 1, .queue = 0});
  kosync::linker books(full);
  uuid ada = uuid::make();
  for (int i = 0; i < 200; ++i) books.look_for_book(ada, "d" + std::to_string(i));
  books.wait();
  SUCCEED("everybody was answered");
}
