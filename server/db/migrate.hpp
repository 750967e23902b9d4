#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "server/core/error.hpp"
#include "server/db/pool.hpp"

namespace carrel::db {

struct migration {
  int number = 0;
  const char* name = "";
  const char* sql = "";
};

struct schema_state {
  int known = 0;    // highest number in this binary
  int applied = 0;  // highest number in the database, 0 for an empty one
  std::vector<std::string> pending;
};

schema_state state_of_schema(pool&, const std::vector<migration>&);

// Applies what is missing, each in one transaction, under an advisory lock so that several processes may start together.
// Errors: the database is newer than this binary; an applied migration has another checksum; a statement failed (named).
result<schema_state> migrate(pool&, const std::vector<migration>&);

}  // namespace carrel::db
