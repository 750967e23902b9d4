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
  std::vector<finding> files;          // book files, in the order of their names
  std::vector<companion> beside = {};  // best first of each kind
  bool tracks = false;                 // recordings: what they are together shows when they are read
  bool loose = false;                  // of a folder of anything
  std::string named = {};              // of recordings: the path of their folder, as far as it names them
  std::string refused = {};            // the code why none of them is taken in

  bool alone() const { return files.size() == 1 && beside.empty() && !tracks; }
};

constexpr std::size_t most_tracks = 5000;

// The files of one folder; of those below it only the recordings in folders of discs.
struct listing {
  std::vector<finding> files, beside;  // book files; files that are none and may tell of one
  bool loose = false;                  // the drop folder itself: what lies there side by side belongs together only if it says so
  std::string named;
  std::vector<finding> discs = {};  // recordings in folders of discs: one book with each other, and with those of no loose folder
};

// In the order of their first files. Of two files of one name and format each is a book.
std::vector<unit> units_of(listing);

}  // namespace carrel::ingest
