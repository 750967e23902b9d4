#pragma once
// What a Kobo should hold: the books of the shelves that feed it, as far as its reader sees them and they can be delivered, and
// the collections that these shelves make on it (kobo.md 17.2).

#include <optional>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "kobo/artifact.hpp"
#include "kobo/delivery.hpp"
#include "library/book.hpp"
#include "server/db/tx.hpp"

namespace carrel::kobo {

struct kobo_ids {
  uuid row;     // kobo_devices
  uuid device;  // the credential
  uuid user;
  std::int64_t largest = 0;  // bytes of a file that the device may get; 0: any
  std::string style;         // how its books are made (library::kobo_options)
  bool sees_all = false;     // its reader: every book of the library
};

// Where a book stands on a shelf that feeds the device.
struct shelved_book {
  std::int64_t shelf = 0;  // a hash of its id
  std::int64_t place = 0;
  uuid id;  // the entitlement
};
struct target {
  std::vector<target_book> books;  // newest first
  std::vector<shelved_book> shelved;
};
target read_target(db::tx&, const kobo_ids&);

// What a device downloads of a book: a file of the library as it is, or what was made of it.
struct deliverable {
  uuid file;
  std::string slug, original_name, storage_path;
  std::optional<artifact> made;
  std::string checksum;   // SHA-256, hex, of the bytes that are delivered
  std::int64_t size = 0;  // theirs
  bool is_kepub = false, missing = false, fixed_layout = false, epub3 = false;
};

// What a device is told of a book.
struct delivery {
  std::string title, subtitle, description, publisher, published_on, isbn, language;
  std::vector<std::string> authors;
  std::optional<uuid> series_id;
  std::string series;
  std::optional<double> series_index;
  std::string cover_version;  // "": none
  deliverable file;
  instant added{};  // to the first of the shelves that feed the device
  instant updated_at{};
  std::optional<instant> first_told;  // the device; absent: never
  bool told_series = false;           // then an empty one takes it away (7.3)
  // Nothing is promised of it just now (17.2): its file is away, or it is not known yet what is made of it.
  bool pending = false, preparing = false;
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
// In the order of shelves; `among`: entitlements. Of a target the shelves need not be read once more.
std::vector<collection> read_collections(db::tx&, const kobo_ids&, const std::unordered_set<uuid>& among);
std::vector<collection> read_collections(db::tx&, const kobo_ids&, const target&);
// The revision of each for this device; grows by one where name or members are others than when it was last asked. To be asked
// with all that is wanted: two readers with one token do not hold the same, and each would take the other's list for a new one.
std::vector<target_tag> revisions_of(db::tx&, const kobo_ids&, const std::vector<collection>&);

}  // namespace carrel::kobo
