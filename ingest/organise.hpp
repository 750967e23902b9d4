#pragma once
// Managed trees (ingest.md 4.3, 4.4, 6): the files of a book lie where the pattern of its library says. What changes the path of
// a book, a person, a rule or another pattern, moves its files by the same steps.

#include <optional>
#include <string>
#include <vector>

#include "ingest/path_pattern.hpp"
#include "ingest/services.hpp"
#include "library/libraries.hpp"
#include "library/library_plan.hpp"
#include "server/jobs/worker.hpp"

namespace carrel::ingest {

// Paths below the data directory: trees/<library> is a link, made by Carrel, to the root of the tree.
std::string tree_prefix(const uuid& library);
// The links of all trees. Errors: the root of one is away, or the data directory cannot be written.
std::optional<error> link_trees(const services&);

struct file_move {
  uuid file;
  std::string checksum, from, to;  // storage paths
};
struct move_plan {
  uuid book;
  std::int64_t version = 0;
  std::string title;
  std::vector<file_move> moves;  // of files that are not in their place
};

// Puts the files of one book into their place; again and again is fine. All of them move, or none. Error fields: disk_full,
// store_unwritable, folder_unavailable, file_missing.
result<move_plan> organise_book(const services&, const library::book_library&, const uuid& book, tree_listing&);

// What another pattern would do, book by book; nothing is changed. Stops after `most` lines.
library::pattern_preview preview_pattern(const services&, const library::book_library&, const path_pattern&, std::size_t most);

uuid enqueue_organise(db::tx&, const library::book_library&, const std::optional<uuid>& user = std::nullopt);
bool has_to_organise(db::tx&, const library::book_library&);
// Kind library.organise; every quarter of a minute it is looked whether a book has changed.
void register_organise(carrel::jobs::workers&, const services&);
void schedule_organise(carrel::jobs::schedule&, const services&);

}  // namespace carrel::ingest
