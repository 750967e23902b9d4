#pragma once
// Two books become one, and two again (product.md 3.1, ingest.md 6.1). Nothing is copied or forgotten: what belongs to the other
// book is moved to the one that stays, what both have is kept beside, and each step is written down so that it can be taken back.

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

enum class merge_act {
  merge,    // with what the other book says of itself, where this one says nothing, and with what a person said of it
  format,   // as another format: what it says of itself stays with it
  replace,  // as format, and a file of both: the newer bytes take the place of the older ones
};

struct merge_outcome {
  uuid merge, kept;
  std::vector<uuid> books;  // that were merged now; empty: it was done before
  std::int64_t files = 0, shelves = 0, documents = 0, annotations = 0;
};

// The others become part of `kept`, in one transaction of the caller. Done already: nothing changes, and the outcome names the
// merge of then. Errors change nothing; the field is a code: missing (no such book, or in the trash), same (a book with itself),
// elsewhere (merged into another), library (of another library, whose files lie elsewhere). With `replace` the caller exchanges
// the files afterwards, in the same transaction (merge_file.hpp).
result<merge_outcome> merge_books(db::tx&, const uuid& kept, const std::vector<uuid>& others, merge_act, const actor&);

struct unmerge_outcome {
  uuid merge, kept;
  std::vector<uuid> books;        // that are there again; empty: it was taken back before
  std::vector<std::string> left;  // what has changed since and stays with the book that was kept: names of tables
};

// As it was before the merge, but for what has changed since. Errors: missing (no such merge), later (a later merge of these
// books is to be taken back first; the reason is its id). Of an exchange of files the bytes must be back in the store before.
result<unmerge_outcome> undo_merge(db::tx&, const uuid& merge, const actor&);

json::object to_json(const merge_outcome&);
json::object to_json(const unmerge_outcome&);

struct merge_row {
  uuid id, kept;
  std::string kept_title, titles, act, actor;  // titles of the others
  std::vector<uuid> books;
  instant made_at{};
  std::int64_t place = 0;
  bool undone = false;
};
std::optional<merge_row> find_merge(db::tx&, const uuid& viewer, const uuid& merge);  // nothing when its survivor is not visible
// Its survivor's title, when that lies in the trash of somebody who may bring it back; nothing else is told of it.
std::optional<std::string> merge_in_trash(db::tx&, const uuid& viewer, const uuid& merge);
// The newest that still holds and that this book is part of, as the one or the other.
std::optional<merge_row> merge_of_book(db::tx&, const uuid& viewer, const uuid& book);
std::vector<merge_row> standing_merges(db::tx&, const uuid& viewer, const std::optional<std::int64_t>& before, int most);

// Where the address of a merged book, or of a file that another one has replaced, leads; nothing when it was not merged, or its
// survivor is not visible.
std::optional<uuid> survivor_of(db::tx&, const uuid& viewer, const uuid& book);
// The id under which a Kobo knows what this book has become; the same id when it was not merged.
uuid surviving_entitlement(db::tx&, const uuid& entitlement);
std::vector<uuid> surviving_entitlements(db::tx&, const std::vector<uuid>&);  // in that order

}  // namespace carrel::library
