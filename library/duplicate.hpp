#pragma once
// Books that may be the same one (ingest.md 7.3, steps 2 to 5). Step 1, the same bytes, is find_bytes of book.hpp; what a new
// file is held back for is find_duplicate there.

#include <optional>
#include <string>
#include <vector>

#include "library/audit.hpp"
#include "server/core/clock.hpp"
#include "server/core/uuid.hpp"
#include "server/db/tx.hpp"

namespace carrel::library {

struct duplicate_pair {
  uuid book, other;  // `book` came later
  // The strongest reason: content (the same text in other bytes), identifier, work (title and author), similar. The last one is
  // only a hint, and never keeps a book from being approved.
  std::string kind;
  double score = 0;
  std::vector<std::string> reasons;  // content, isbn_13, asin, ..., work, title, author
  instant found_at{};
};

// Looks for all books like this one and remembers the pairs; those that a person has decided stay decided, and those that are not
// alike any more are forgotten. Some index look-ups whatever the size of the library.
void note_duplicates(db::tx&, const uuid& book);

// Looks at the books that changed since the last look, at most `most` of them; 0 when there are none left. Where it stopped is
// kept, so it may be interrupted.
int look_for_duplicates(db::tx&, int most);

// Pairs that nobody has decided, of which the viewer sees both, newest first. Those that are only similar last of all.
struct duplicate_page {
  std::vector<duplicate_pair> pairs;
  bool more = false;
};
duplicate_page open_duplicates(db::tx&, const uuid& viewer, bool similar, const std::optional<duplicate_pair>& after, int most);
std::vector<duplicate_pair> duplicates_of(db::tx&, const uuid& viewer, const uuid& book);
std::optional<duplicate_pair> find_duplicate_pair(db::tx&, const uuid& viewer, const uuid& a, const uuid& b);

// Two books, for ever: nobody is asked about them again. False when the viewer sees no such pair, or it is decided already.
bool keep_both(db::tx&, const uuid& viewer, const uuid& a, const uuid& b, const actor&);
bool undo_keep_both(db::tx&, const uuid& viewer, const uuid& a, const uuid& b, const actor&);

}  // namespace carrel::library
