#pragma once
// What the books that a viewer sees have in common: by which lists can be narrowed and which lists there are besides those of
// names (opds.md 5.13, 12.1). Each is found by a probe of an index for every value, not by looking at all books.

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "library/offer.hpp"
#include "server/core/uuid.hpp"
#include "server/db/tx.hpp"

namespace carrel::library {

struct choices {
  std::vector<std::string> languages, formats;          // by their codes
  std::vector<std::pair<uuid, std::string>> libraries;  // in the owner's order
};
choices choices_there(db::tx&, const uuid& viewer, taker);

std::vector<int> years_there(db::tx&, const uuid& viewer, taker);  // newest first
std::vector<int> stars_there(db::tx&, const uuid& viewer, taker);  // the viewer's own, 5 to 1

// Which of them there are at all, formats and libraries: at least two; and what is known of the device that asks.
struct more_lists {
  bool formats = false, years = false, stars = false, libraries = false, reading = false, on_deck = false;
  std::string device;          // its name, "" for none
  std::vector<uuid> feeds_it;  // shelves
};
more_lists more_lists_there(db::tx&, const uuid& viewer, const std::optional<uuid>& device, taker);

}  // namespace carrel::library
