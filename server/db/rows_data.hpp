#pragma once
// What a result holds, without the client library: `keep` owns the memory the cells point into. Internal to server/db.

#include <cstddef>
#include <memory>
#include <string_view>
#include <vector>

namespace carrel::db {

struct rows_data {
  struct cell {
    const char* text = nullptr;  // null for SQL null
    std::size_t size = 0;
  };
  std::shared_ptr<const void> keep;
  std::size_t rows = 0;
  std::size_t columns = 0;
  std::size_t affected = 0;
  std::vector<cell> cells;  // row by row
};

}  // namespace carrel::db
