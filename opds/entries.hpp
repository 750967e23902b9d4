#pragma once
// Entries of lists. Each is written once for a version of its book and a form of asking; a page whose books have not changed
// costs the look at its outline, whatever else has changed in the catalog (opds.md 14.2). Internal to opds.

#include <memory>
#include <vector>

#include "library/catalog.hpp"
#include "library/streamed.hpp"
#include "opds/state.hpp"
#include "opds/visit.hpp"

namespace carrel::opds {

// The entries of one form: addresses, signatures and profile are the same in all of them. A handle, cheap to copy.
class entry_shelf {
 public:
  entry_shelf(shared_state&, const visit&);

  entry_ref find(const library::book_stamp&) const;
  // And keeps it, unless it shows how far its reader is.
  entry_ref write(const visit&, const library::streamed_book&) const;
  const std::vector<std::string>& streamed_formats() const { return streamed_; }

 private:
  std::string key(const library::book_stamp&) const;
  bool may_stream(const library::book&) const;

  shared_state* state_;
  std::string form_;
  std::vector<std::string> streamed_;  // formats with a stream in this form
};

// What a page's entries are made from. `kept` is in the order of the page and empty where a book was not kept; `read` holds
// those books, in the same order, without any that vanished meanwhile.
struct entry_parts {
  std::vector<library::book_stamp> order;
  std::vector<entry_ref> kept;
  std::vector<library::streamed_book> read;
};
entry_parts gather(db::tx&, const uuid& viewer, std::vector<library::book_stamp>, const entry_shelf&);

// The page's entries; those that were not kept are written and kept now.
std::vector<entry_ref> entries_of(const visit&, const entry_shelf&, const entry_parts&);

}  // namespace carrel::opds
