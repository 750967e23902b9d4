#pragma once
// What the library says of a book, written beside its files or into them (product.md 3.2; ingest.md 4.5, 15.1). Only in trees
// whose files Carrel names, only what it has written itself or what is as its rows say: a file that somebody else has changed
// stays.

#include <optional>
#include <string>

#include "ingest/services.hpp"
#include "library/write_work.hpp"
#include "server/jobs/worker.hpp"

namespace carrel::ingest {

// Whatever is due of one book, and what an interruption left; again and again is fine. Throws nothing of the disk: error fields
// folder_unavailable and disk_full are of the whole tree, everything else is the book's and noted with it.
std::optional<error> write_book(const services&, const library::book_library&, const library::write_choice&, const uuid& book);

// With the choice that is in force: what is due now. Stops after `most` lines.
result<library::write_preview> preview_write_back(const services&, const uuid& library, const library::write_choice&,
                                                  std::size_t most);

struct chosen_write_back {
  library::write_choice before;
  std::optional<uuid> job;
};
// Error fields: those of refuses_write; "library" when there is none.
result<chosen_write_back> set_write_back(const services&, const uuid& library, const library::write_choice&,
                                         const library::actor&);

// Files beside books that are not there any more, where Carrel wrote them. How many went.
int remove_stray_side_files(const services&);
// What was on its way when a process died or a disk went away: the file is what its row says, or what its row says is in its
// place. The first that could not be settled; it is looked at again later, until then nothing may move or write it. Without a
// book, of all: those that somebody is writing just now are left to him. Error fields: folder_unavailable, disk_full,
// store_unwritable.
std::optional<error> settle_file_writes(const services&, const std::optional<uuid>& book);

uuid enqueue_write_back(db::tx&, const library::book_library&, bool at_once, const std::optional<uuid>& user = std::nullopt);
// Kind library.write; every quarter of a minute it is looked whether a book has changed.
void register_write_back(carrel::jobs::workers&, const services&);
void schedule_write_back(carrel::jobs::schedule&, const services&);

// ---- the parts, among themselves ---------------------------------------------------------------------------------

struct tree_place {
  std::filesystem::path below;  // of the folder, below the root
  std::string prefix;           // "trees/.../", of what lies in it
  std::string name;             // of the file
};
std::optional<error> tree_is_away(const library::book_library&);  // folder_unavailable: nothing can be written there
tree_place place_in_tree(const library::book_library&, const std::string& storage_path);

// write_side.cpp. Error fields: disk_full, store_unwritable, folder_unavailable, file_missing, side_file_there,
// side_file_changed.
std::optional<error> write_beside(const services&, const library::book_library&, const library::write_choice&,
                                  const library::book_to_write&, const std::string& metadata);
struct side_names {
  std::string opf, cover;  // storage paths; "" no cover
};
side_names names_beside(db::tx&, const library::book_library&, const library::write_choice&, const library::book_to_write&);

// write_into.cpp.
enum class written_into {
  yes,      // or it says all of it already
  held,     // a Kobo has it
  refused,  // it cannot be changed safely
};
// Error fields: disk_full, store_unwritable, folder_unavailable, file_missing, file_changed.
result<written_into> write_into(const services&, const library::book_library&, const library::book_to_write&,
                                const library::book_to_write::file&, const std::string& metadata);

}  // namespace carrel::ingest
