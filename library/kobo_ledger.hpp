#pragma once
// What is known of the books of a Kobo, one row for each book and reader (product.md 3.3).

#include <optional>
#include <string>
#include <vector>

#include "server/core/clock.hpp"
#include "server/core/json.hpp"
#include "server/core/uuid.hpp"
#include "server/db/tx.hpp"

namespace carrel::library {

// A doubt that its owner should know of. Reasons: silent (it arrived and was never touched, though later books were), broken
// (its download began three times and never ended), ghost (it should be gone and is still used).
struct suspicion {
  std::string reason;
  instant since{};
};

struct ledger_book {
  std::optional<uuid> book;  // absent: no longer in the library, or not for this reader's eyes
  uuid entitlement;
  std::string title;
  // wanted, announced, acknowledged, fetched, opened, removed-by-device, retiring, gone
  std::string state;
  bool pending = false;  // wanted, but its file cannot be served just now
  std::optional<instant> announced_at, delivered_at, fetched_at, removed_at, last_seen_at;
  std::optional<instant> cover_at, metadata_at, state_at, download_started_at, annotations_at, inventory_at;
  std::optional<suspicion> doubt;
};

// A reader behind a credential (kobo.md 17.2).
struct ledger_row {
  std::optional<uuid> row;  // absent: no reader has come yet
  std::string model, firmware;
  std::optional<instant> last_seen_at, last_sync_at, guarded_since, reset_asked_at;
  std::int64_t syncs = 0;
  int guarded_count = 0;
  bool again_asked = false;
  std::vector<ledger_book> books;  // the newest first
};

struct ledger_settings {
  int heal_after_syncs = 3;
};
// The reader that was seen last comes first. Never empty for a Kobo; empty for what is none.
std::vector<ledger_row> kobo_ledger(db::tx&, const uuid& device, const ledger_settings&);

// On a shelf that feeds the device, and never sent: why. Reasons: format, protected, too_large.
struct unsuitable_book {
  uuid book;
  std::string title, reason;
};
std::vector<unsuitable_book> unsuitable_books(db::tx&, const uuid& device);

// {"id","name","books":[...]} and, when there are several readers, "rows" (contract.md 3).
json::object ledger_json(const uuid& device, const std::string& name, const std::vector<ledger_row>&);

}  // namespace carrel::library
