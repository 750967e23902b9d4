#pragma once
// Recordings of a book as one whole: their order, length and chapters (audiobooks.md A1, ingest.md 14.3, 14.5).

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "server/core/uuid.hpp"
#include "server/db/tx.hpp"

namespace carrel::library {

// The recordings of a book in their order; what is not right with them.
struct recordings {
  std::vector<uuid> files;
  std::string missing;  // code of one that could not be taken in; "" all are there
};
// Writes the edition, its tracks and chapters, when they are not so already; tracks keep their ids. True when something changed.
bool write_edition(db::tx&, const uuid& book, const recordings&);

// The recordings of its edition, in their order.
recordings order_of_edition(db::tx&, const uuid& book);
// Its recordings as they were, after one of them got other bytes, or a file beside them spoke of its chapters.
bool refresh_edition(db::tx&, const uuid& book);

// The file's place among the recordings, and the name under which it is delivered.
void place_recording(db::tx&, const uuid& book, const uuid& file, int position, const std::string& name);

// Recordings whose place in the edition others have taken. One that has its place again is none of them.
struct superseded_file {
  uuid id, book;
  std::string storage_path, name, checksum;
};
std::vector<superseded_file> superseded_files(db::tx&, const uuid& book);
// Of what was read in place in that library and is gone from its folder, when others are there.
std::vector<superseded_file> superseded_and_missing(db::tx&, const uuid& library);
void mark_superseded(db::tx&, const std::vector<uuid>& files);
// The row goes, with what is known of its bytes; false when it is wanted after all.
bool remove_superseded(db::tx&, const superseded_file&);

// Of all recordings of a book together, in milliseconds; nothing when it has none.
std::optional<std::int64_t> length_of_edition(db::tx&, const uuid& book);

}  // namespace carrel::library
