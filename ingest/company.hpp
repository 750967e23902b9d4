#pragma once
// What lies beside the files of a book and tells of it (ingest.md 15): read, kept in the store, and put away when the book is in.

#include <map>
#include <optional>
#include <vector>

#include "ingest/group.hpp"
#include "ingest/services.hpp"
#include "library/local_source.hpp"

namespace carrel::ingest {

constexpr std::int64_t largest_sidecar = 64 << 20;  // bytes; a larger one is not read

struct company {
  uuid group;
  std::string part;
  bool tracks = false;                      // its files are recordings of one book, and formats of it
  std::map<uuid, int> positions;            // of its items, from 1
  std::optional<publication::guess> named;  // what the folder's name says
  std::string title;                        // of the book, where that of its leading recording names a disc, too
  std::vector<sidecar_row> sidecars;        // as they are now; those that lie in the store have a storage_path
  std::vector<library::local_source> said;
  std::optional<library::new_cover> cover;  // stored already
  std::optional<instant> added_at;
  std::vector<publication::warning> warnings;
};

// Reads what has not been told to a book before. An error is one of storing (disk_full) and of none of them alone.
result<company> read_company(const services&, const uuid& group, std::vector<sidecar_row>);

// The same of files that stay where they are, below `root`: nothing of them is kept but a picture that is a cover.
result<company> read_company_below(const services&, const std::filesystem::path& root, std::vector<sidecar_row>);

// In the transaction that makes the book: it is the group's, and has been told all this.
void settle(db::tx&, const services&, const company&, const uuid& book);
// What they say, to a book that is there already; its rows are the caller's.
void tell(db::tx&, const services&, const company&, const uuid& book);
// The same with the rows of a group.
void tell_book(const services&, const company&, const uuid& book);

// With policy move the sources go to the attic; not what no book was told, or could not be kept.
void put_sidecars_away(const services&, const uuid& group);

}  // namespace carrel::ingest
