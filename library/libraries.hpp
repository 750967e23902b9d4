#pragma once
// Libraries (product.md 3.2): the store itself, folders that are read in place, trees whose files Carrel names.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "library/audit.hpp"
#include "server/core/clock.hpp"
#include "server/core/error.hpp"
#include "server/core/json.hpp"
#include "server/core/uuid.hpp"
#include "server/db/tx.hpp"

namespace carrel::library {

struct book_library {
  uuid id;
  std::string name;
  std::string kind;     // managed, in_place
  std::string root;     // without a link in it; "" for the store
  std::string pattern;  // of a managed tree (path_pattern.hpp)
  std::string trouble;  // a code of class folder (ingest.md 22): the last look at the folder changed nothing
  std::optional<instant> trouble_since, scanned_at;
  std::int64_t scan_ms = 0;
  bool takes_new = false;  // what comes in is of this library
  instant created_at{};

  bool in_place() const { return kind == "in_place"; }
  bool is_tree() const { return kind == "managed" && !root.empty(); }
};

std::vector<book_library> libraries(db::tx&);  // without those that were removed; the store first
std::vector<book_library> all_trees(db::tx&);  // managed ones beside the store, also removed ones that still have books
std::optional<book_library> find_library(db::tx&, const uuid&);
std::optional<book_library> find_library_named(db::tx&, const std::string& id_or_name);

struct library_counts {
  std::int64_t books = 0, files = 0, bytes = 0;
  std::int64_t missing = 0, damaged = 0;                  // of the files
  std::int64_t waiting = 0, refused = 0, duplicates = 0;  // found in the folder, and no book of it
};
library_counts count_library(db::tx&, const uuid&);
json::object to_json(const book_library&, const library_counts&);

// Throws db::unique_violation (libraries_name) when the name is taken. A library that was removed and had the same folder comes
// back with its books, as long as they are in the trash.
uuid add_library(db::tx&, const std::string& name, const std::string& kind, const std::string& root, const std::string& pattern,
                 const actor&);
// Its books go to the trash, its files stay where they are for the time being; those that are read in place for ever. How many
// books.
int remove_library(db::tx&, const uuid&, const actor&);
// Takes that back; false when there is nothing to take back. Throws db::unique_violation when its name was taken meanwhile.
bool restore_library(db::tx&, const uuid&, const actor&);
// Removed libraries without a book, for good. Run by the sweep.
int forget_libraries(db::tx&);

void set_pattern(db::tx&, const uuid&, const std::string& pattern, const actor&);
// From now on what comes in is of this library; the store when it is the store.
void set_takes_new(db::tx&, const uuid&, const actor&);

// After a look at the folder that came to its end, or that changed nothing because of `trouble`. True when that is news.
void note_scanned(db::tx&, const uuid&, std::int64_t milliseconds);
bool note_trouble(db::tx&, const uuid&, const std::string& code);

// Books that this transaction adds are of that library.
void add_books_to(db::tx&, const uuid& library);

// Good bytes are in the place of what `verify` found damaged.
void mark_file_well(db::tx&, const uuid& file);
// A file that was read in place lies in the store from now on.
void keep_in_store(db::tx&, const uuid& file, const std::string& storage_path);
void put_into_library(db::tx&, const uuid& book, const uuid& library);
// The same by a person; 1 when that changed something. A managed library moves the files by and by; what is read in place stays
// where it belongs.
int move_to_library(db::tx&, const uuid& book, const uuid& library, const actor&);

}  // namespace carrel::library
