#pragma once
// Which folders may be a library (ingest.md 2.1, product.md 7 library.roots).

#include <filesystem>
#include <string>
#include <vector>

#include "library/libraries.hpp"
#include "library/store.hpp"
#include "server/core/error.hpp"

namespace carrel::library {

struct root_rules {
  const store& files;
  std::vector<std::filesystem::path> allowed;  // library.roots
  std::filesystem::path drop_dir;
  const std::vector<book_library>& others;
};

// The folder without a link in its path. Error fields are codes: library.no_folder (there is none), library.outside_roots,
// library.own_folder, library.overlaps, library.not_utf8; the reason is for people.
result<std::filesystem::path> check_root(const std::filesystem::path& given, const root_rules&);

// A library whose folder this one contains or lies in; null when there is none. The path has no link in it.
const book_library* overlapping(const std::filesystem::path& root, const std::vector<book_library>&);

// What shows that another program keeps its own library there; "" when nothing does. A person may say that it is meant.
std::string other_program(const std::filesystem::path& root);

}  // namespace carrel::library
