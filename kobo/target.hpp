#pragma once
// What a Kobo should hold: the books of the shelves that feed it, as far as its reader sees them and they can be delivered, and
// the collections that these shelves make on it (kobo.md 17.2).

#include <optional>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "kobo/delivery.hpp"
#include "library/book.hpp"
#include "server/db/tx.hpp"

namespace carrel::kobo {

struct kobo_ids {
  uuid row;     // kobo_devices
  uuid device;  // the credential
  uuid user;
  std::int64_t largest = 0;  // bytes of a file that the device may get; 0: any
};

// Newest first. `only`: of these entitlements; all when absent.
std::vector<target_book> read_target(db::tx&, const kobo_ids&, const std::optional<std::vector<uuid>>& only = std::nullopt);

// What is needed to tell a device of a book.
struct delivery {
  library::book book;
  library::book_file file;  // what it downloads
  instant added{};          // to the first of the shelves that feed the device
  bool fixed_layout = false, epub3 = false;
};
// By entitlement; those that are not in the target are left out.
std::unordered_map<uuid, delivery> read_deliveries(db::tx&, const kobo_ids&, const std::vector<uuid>& entitlements);

// A shelf as a collection, with those of its books that are in `among`.
struct collection {
  uuid id;
  std::string name;
  instant created{}, changed{};
  std::vector<uuid> members;
};
using entitlements_by_book = std::unordered_map<uuid, uuid>;
// Of those that are books of the library.
entitlements_by_book books_of(db::tx&, const std::unordered_set<uuid>& entitlements);
// In the order of shelves; `among`: entitlements. With those of the whole target at hand it is cheaper, for a shelf names books.
std::vector<collection> read_collections(db::tx&, const kobo_ids&, const std::unordered_set<uuid>& among);
std::vector<collection> read_collections(db::tx&, const kobo_ids&, const entitlements_by_book& among);
// The revision of each for this device; grows by one where name or members are others than when it was last asked. To be asked
// with all that is wanted: two readers with one token do not hold the same, and each would take the other's list for a new one.
std::vector<target_tag> revisions_of(db::tx&, const kobo_ids&, const std::vector<collection>&);

}  // namespace carrel::kobo
