#pragma once
// What the owner of a Kobo has chosen for it (product.md 4.7). Stored with the device, so it holds for all readers behind one
// token.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "server/core/json.hpp"
#include "server/core/uuid.hpp"
#include "server/db/tx.hpp"

namespace carrel::library {

struct kobo_options {
  bool paused = false;              // its syncs find nothing new, and take nothing away
  bool collections = true;          // shelves are shown as collections
  bool positions = true;            // reading states go both ways
  bool read_only = false;           // its places and lists are not taken over (kobo.md 4.1); highlights it would lose else are
  bool highlights = false;          // those of another reader are offered (kobo.md 15, rule 1)
  std::optional<bool> put_back;     // a book removed on the device comes back; absent: kobo.removed_policy
  std::optional<bool> heal;         // what it seems to have lost is announced again by itself; absent: kobo.heal
  bool by_ledger = false;           // it shows no token and is taken to hold what it was told (kobo.md 17.6)
  std::int64_t largest = 0;         // bytes of a book's file; 0: any
  std::optional<bool> kepub;        // books are converted for it, or not; absent: kepub.enabled
  std::string hyphenation;          // "on", "off" or "never" in its conversions; "": kepub.hyphenation
  std::optional<bool> passthrough;  // what is not ours is asked of the real store (kobo.md 16); absent: kobo.passthrough

  // How its books are made in a word, "" where it is as the server does it: the SQL function kobo_style.
  std::string style() const;
};

kobo_options read_kobo_options(std::string_view settings);  // the column devices.settings; what cannot be read is the default
kobo_options kobo_options_of(db::tx&, const uuid& device);

// Only what is in `change` changes: booleans "paused", "collections", "positions", "read_only" and "highlights"; "put_back",
// "heal", "kepub" and "passthrough", which may be null: as the server is set; "hyphenation" ("on", "off", "never" or null),
// "sync_mode" ("token" or "ledger"), and the integer "largest". With another style a Kobo gets other files of all its books.
// Error: the name of the field that is not usable, and why.
result<bool> change_kobo_options(db::tx&, const uuid& device, const json::object& change);
json::object kobo_options_json(const kobo_options&);

}  // namespace carrel::library
