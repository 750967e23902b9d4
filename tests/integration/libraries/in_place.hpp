#pragma once
// A folder of books beside Carrel, and the library that reads it in place.

#include <catch2/catch.hpp>
#include <string>

#include "ingest/in_place.hpp"
#include "tests/integration/ingest/workbench.hpp"

namespace carrel::ingest::test {

struct in_place {
  in_place();

  folder_look look();
  read_counts scan();  // look and read, until nothing waits; and what lies beside
  fs::path put(const std::string& path, const book& = {});
  // What lies in the folder: path, bytes, rights and times of everything. Reading must not change it.
  std::string state_of_folder() const;
  std::string column(const std::string& name, const std::string& path);  // of book_files, by its path below the root
  std::int64_t books() { return b.number("select count(*) from books where deleted_at is null"); }
  std::string places();  // "path state", in order

  workbench b;
  fs::path root;
  library::book_library is;
};

}  // namespace carrel::ingest::test
