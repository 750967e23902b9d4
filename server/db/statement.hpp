#pragma once

namespace carrel::db {

// A named SQL text. The name is what metrics and logs show ("opds.newest"); it must be unique in the program.
struct statement {
  const char* name;
  const char* sql;
};

}  // namespace carrel::db
