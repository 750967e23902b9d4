#pragma once
// What a device should have and has not fetched (opds.md 13.2): the books of the shelves that feed it, or where none does, those
// that were added since it was made.

#include <cstdint>
#include <optional>
#include <vector>

#include "library/catalog.hpp"
#include "server/core/clock.hpp"

namespace carrel::library {

struct waiting_book {
  book_stamp book;
  int tries = 0;  // runs in which it was listed before, without being fetched
};
struct waiting_page {
  std::vector<waiting_book> books;  // what was added or assigned last comes first
  std::optional<cursor> next, previous;
  std::uint64_t first_ordinal = 0;
};
waiting_page waiting_books(db::tx&, const uuid& viewer, const uuid& device, const cursor&, taker, int limit);
bool has_waiting_books(db::tx&, const uuid& viewer, const uuid& device, taker);

// They were shown to the device. Listings of the same hour are one run; what was listed in three and never fetched is not listed
// any more.
void note_listed(db::tx&, const uuid& device, const std::vector<uuid>& books);

// Those that it was given up for, with the last time that they were listed; the latest first.
struct unfetched_book {
  uuid id;
  std::string title;
  instant last_listed{};
};
std::vector<unfetched_book> unfetched_books(db::tx&, const uuid& viewer, const uuid& device, int most);

// All there is now counts as seen: the list is empty until more comes.
void catch_up(db::tx&, const uuid& device);
void undo_catch_up(db::tx&, const uuid& device);

}  // namespace carrel::library
