#pragma once
// Merging books with the bytes of their files (library/merge.hpp has what is in the database).

#include <vector>

#include "ingest/services.hpp"
#include "library/merge.hpp"

namespace carrel::ingest {

// As library::merge_books, in a transaction of its own. With `replace` of one other book: the newer bytes take the place of the
// older ones, which go to the attic. One more error: format (the two books have no format of which each has one file); and
// disk_full and other codes of ingest.md 22.
result<library::merge_outcome> merge_books(const services&, const uuid& kept, const std::vector<uuid>& others, library::merge_act,
                                           const library::actor&);

// As library::undo_merge; older bytes come back from the attic. More errors: bytes_gone (they have been swept from there),
// duplicate_file (they have come in again meanwhile, and are a file of another book).
result<library::unmerge_outcome> undo_merge(const services&, const uuid& merge, const library::actor&);

}  // namespace carrel::ingest
