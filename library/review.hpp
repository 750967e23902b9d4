#pragma once
// The inbox (ingest.md 6, product.md 4.8): what is said about a book that waits, and what becomes of it.

#include <optional>
#include <string>
#include <vector>

#include "library/audit.hpp"
#include "library/book.hpp"
#include "publication/metadata.hpp"
#include "server/core/clock.hpp"
#include "server/core/uuid.hpp"
#include "server/db/tx.hpp"

namespace carrel::library {

// What the queue says of a book next to its title.
struct queue_note {
  uuid book;
  std::string source;  // of the best candidate; "" there is none
  double confidence = 0;
  std::vector<std::string> reasons;
  std::vector<publication::warning> warnings;  // of its files
  std::string came_by, came_as;                // watch, upload, command, import; the name of the file that came
};
// In the order of the books; callers have checked that they may be seen.
std::vector<queue_note> queue_notes(db::tx&, const std::vector<uuid>& books);

// Where the file lies once its book is approved, below the data directory.
std::string destination_of(const book_file&);

enum class approval {
  done,
  already,  // somebody else was faster
  gone,     // no such book for this person, or it is in the trash
};
approval approve_waiting(db::tx&, const uuid& viewer, const uuid& book, const actor&);

// Of a book that may be seen. `taken`: the group of its history with the fields that were chosen for it (candidate.hpp); they
// are taken back with the approval.
void approve_with(db::tx&, const uuid& book, const std::optional<uuid>& taken, const actor&);

// Back to review within 30 days of the approval, with the book that it may be a duplicate of, and without the fields that were
// taken for it, unless they are other ones by now; files stay where they are. False when it is too late or the book is not in the
// library.
bool unapprove_book(db::tx&, const uuid& book, const actor&);

// To the trash, and remembered as rejected. How many changed; books that do not wait stay.
int reject_waiting(db::tx&, const std::vector<uuid>& books, const actor&);

struct approved_book {
  uuid entry, book;  // entry: of the audit, for the next page
  std::string title, author, by;
  instant at{};
};
// Approvals that can be taken back, newest first, those after the given entry.
std::vector<approved_book> approved_lately(db::tx&, const uuid& viewer, const std::optional<uuid>& after, int most);

}  // namespace carrel::library
