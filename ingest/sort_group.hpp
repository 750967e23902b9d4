#pragma once
// Recordings of a group, sorted by what they say of themselves; not for other folders.

#include "ingest/group.hpp"
#include "ingest/services.hpp"

namespace carrel::ingest {

// Finds out of every file which book's it is, and in what order they come. Does nothing when that is known.
void sort_group(const services&, const uuid& group, group_rows&);

}  // namespace carrel::ingest
