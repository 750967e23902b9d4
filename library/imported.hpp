#pragma once
// Books of a library elsewhere that somebody has looked after (ingest.md 16): what it says wins over what files say of
// themselves, and loses against what a person typed here.

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "library/audit.hpp"
#include "publication/metadata.hpp"
#include "server/core/clock.hpp"
#include "server/core/json.hpp"
#include "server/core/uuid.hpp"
#include "server/db/tx.hpp"

namespace carrel::library {

struct curated {
  std::string source;         // calibre: of the fields, and of the candidate
  std::string library, book;  // its own numbers for them
  std::string last_modified;
  publication::metadata about;
  bool tags_stay = false;                                    // those that are named like a genre, too (16.3)
  std::vector<std::pair<std::string, std::string>> columns;  // what no field holds, by the name it has there
  std::optional<instant> created_at;
  json::object raw;  // what was read
};

// What it says, with those of its subjects among the genres that are.
publication::metadata subjects_of(db::tx&, const curated&);

struct imported {
  uuid book;
  std::string last_modified;  // of what it was told last
  bool trashed = false;
};
std::optional<imported> find_imported(db::tx&, const curated&);
// Another book of the same library is this book.
bool stands_for_another(db::tx&, const curated&, const uuid& book);

// From now on the two are one book.
void remember_imported(db::tx&, const curated&, const uuid& book);

// What it says goes into the fields that nobody has locked; what it does not know stays as it is. Equal values change nothing,
// updated_at and version included. True when a field changed.
bool update_imported(db::tx&, const uuid& book, const curated&, const actor&);

}  // namespace carrel::library
