#pragma once
// Rows of files that lie together and are one book (ingest.md 3.4): which they are, and which book came of them.

#include <optional>
#include <string>
#include <vector>

#include "ingest/grouping.hpp"
#include "ingest/item.hpp"

namespace carrel::ingest {

struct stored_unit {
  std::optional<uuid> group;      // of every unit that is more than one file, and of a file that was in a group before
  std::vector<found_item> items;  // of the unit's files
};
// Items, groups and sidecars; what is there already, as it is, is not touched.
std::vector<stored_unit> store_units(db::tx&, const std::vector<unit>&, const item& like);
// Groups without items, of a run that was taken back.
void forget_empty_groups(db::tx&, const std::vector<uuid>&);

std::optional<uuid> group_of(db::tx&, const uuid& item);
// The item whose job takes the whole group in.
uuid first_of_group(db::tx&, const uuid& group);

struct sidecar_row {
  uuid id;
  std::string kind, name, source_path;  // kind: opf, json, picture
  identity who;
  bool keep = false, source_done = false, told = false;
  std::string sha256, storage_path, error_code;
};
sidecar_row sidecar_from(const companion&, bool keep);  // with an id of its own
struct group_item {
  uuid id;
  std::string source_path, state, part, error_code;
  bool keep = false;
  std::optional<uuid> file;
  int position = 0;
  bool leads = false;
  std::string title;      // known when it was sorted just now (tracks.hpp)
  bool outdated = false;  // the same
};
struct group_rows {
  std::vector<group_item> items;  // those that came before come first: they may tell which book it is
  std::vector<sidecar_row> sidecars;
  bool tracks = false, loose = false, sorted = false, ended = false;
  std::string named;
};
group_rows find_group(db::tx&, const uuid&);

// The book that its files are of; nothing while there is none. A recording more is part of its book wherever that is; any other
// file is none of a book that lies in the trash.
std::optional<uuid> book_of_group(db::tx&, const uuid& group, const std::string& part);
// What the books that have come of it call themselves.
struct group_book {
  std::string part, title;  // as their leading file has it
  bool trashed = false;
};
std::vector<group_book> books_of_group(db::tx&, const uuid& group);
void set_book_of_group(db::tx&, const uuid& group, const std::string& part, const uuid& book);

// Part, position and leads of the items, as they are now; the files of those that are outdated are superseded.
void mark_sorted(db::tx&, const uuid& group, const std::vector<group_item>&, bool for_good);

void mark_told(db::tx&, const sidecar_row&, const uuid& book);
void mark_sidecar_done(db::tx&, const uuid&);
void mark_group_ended(db::tx&, const uuid&);

}  // namespace carrel::ingest
