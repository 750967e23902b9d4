#pragma once
// What is said of a library before it is made, or named anew. Plain values: made below, shown by pages and commands.

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "server/core/json.hpp"
#include "server/core/uuid.hpp"

namespace carrel::library {

struct library_wish {
  std::string name, folder;
  bool managed = false;
  std::string pattern;     // of a managed one
  bool takes_new = false;  // what comes in from now on is of it
  bool sure = false;       // also when another program keeps its library there
};

struct folder_preview {
  std::int64_t files = 0, bytes = 0, ignored = 0, special = 0;
  std::map<std::string, std::int64_t> by_extension;  // of the files; at most 50 kinds
  bool complete = true;                              // false: more than could be counted in the time
};
json::object to_json(const folder_preview&);

struct foreseen_library {
  std::string root;
  folder_preview preview;
};

struct pattern_preview {
  struct line {
    uuid book;
    std::string title, from, to;  // below the root; from "" is the store
  };
  std::vector<line> lines;
  std::int64_t books = 0, moved = 0;
};

}  // namespace carrel::library
