#pragma once
// Which files of a folder are one book (ingest.md 3.4). By names alone; nothing is opened.

#include <string>
#include <vector>

#include "ingest/item.hpp"
#include "publication/sidecar.hpp"

namespace carrel::ingest {

// What lies beside the files of a book and goes with them.
struct companion {
  finding what;
  publication::sidecar_name as;
};

struct unit {
  std::vector<finding> files;     // book files, in the order of their names
  std::vector<companion> beside;  // best first of each kind

  bool alone() const { return files.size() == 1 && beside.empty(); }
};

// The files of one folder, not those below it.
struct listing {
  std::vector<finding> files, beside;  // book files; files that are none and may tell of one
};

// In the order of their first files. Of two files of one name and format each is a book.
std::vector<unit> units_of(listing);

}  // namespace carrel::ingest
