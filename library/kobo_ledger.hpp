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

// A doubt that its owner should know of; reasons as in schema/0006, kobo_suspicions.
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
  bool pending = false;    // wanted, but its file cannot be served just now
  bool preparing = false;  // because it is not converted yet
  bool kept = false;       // vanished from the library, and stays on the device for now (kobo.md 17.2)
  bool taken_off = false;  // by the owner: retiring, or gone, until it is restored
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

// The reader that was seen last comes first. Never empty for a Kobo; empty for what is none. `only`: of these books.
std::vector<ledger_row> kobo_ledger(db::tx&, const uuid& device, const std::optional<std::vector<uuid>>& only = std::nullopt);

// What the next sync of the reader seen last will say, as far as it is known now: books that it is not known to have, that it is
// to lose, and whose details have changed since they were announced.
struct next_sync {
  std::int64_t added = 0, removed = 0, changed = 0;
};
next_sync next_sync_of(db::tx&, const uuid& device);

// All suspicions about an account's Kobos, the newest first.
struct drift {
  uuid row, device;
  std::string device_name;
  std::optional<uuid> book;
  uuid entitlement;
  std::string title;
  suspicion doubt;
};
std::vector<drift> drift_of(db::tx&, const uuid& user, int most);
// Devices from which many books would go at once, and for how long they stay unless their owner agrees (kobo.md 17.2).
constexpr std::chrono::hours guard_lasts{24};
struct guarded_device {
  uuid device;
  std::string name;
  int books = 0;
  instant since{};
};
std::vector<guarded_device> guarded_devices(db::tx&, const uuid& user);

// How far a Kobo has come since it was added, for the page that waits for it.
struct kobo_arrival {
  std::optional<instant> called_at;  // any request with its token
  std::string model, firmware;       // "" until it has said who it is
  bool identified = false;
  std::int64_t wanted = 0, announced = 0, delivered = 0, fetched = 0;  // books
  bool synced = false;                                                 // one whole sync is proven
};
kobo_arrival arrival_of_kobo(db::tx&, const uuid& device);

// On a shelf that feeds the device, and never sent: why. Reasons: format, protected, too_large.
struct unsuitable_book {
  uuid book;
  std::string title, reason;
};
std::vector<unsuitable_book> unsuitable_books(db::tx&, const uuid& device);

// {"id","name","books":[...]} and, when there are several readers, "rows" (contract.md 3).
json::object ledger_json(const uuid& device, const std::string& name, const std::vector<ledger_row>&);

}  // namespace carrel::library
