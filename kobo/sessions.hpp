#pragma once
// The sync sessions of a Kobo as rows (kobo.md 17.3, 17.4, 17.10), its ledger and what was marked doubtful. Everything here runs
// under the lock that lock_row takes.

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "kobo/delivery.hpp"
#include "kobo/target.hpp"
#include "library/kobo_options.hpp"
#include "library/revision.hpp"
#include "server/core/clock.hpp"
#include "server/db/tx.hpp"

namespace carrel::kobo {

// How a request describes the reader that sends it.
struct reader_facts {
  std::string device_hash;  // raw; "" when it does not say
  std::string model, firmware;
};

struct kobo_row {
  kobo_ids ids;
  library::kobo_options wishes;
  std::int64_t epoch = 0, changes = 0, syncs = 0;
  std::int64_t failed_sync = 0;  // `syncs` when it said last that one had failed
  std::string answered;          // position that was answered last
  std::string promised;          // where its next request of the same run comes from; "" when the run is over
  int answered_count = 0, chained = 0, failures = 0;
  std::optional<std::int64_t> page_size;  // smaller than usual, because its answers were not usable (17.8, H5)
  std::optional<instant> answered_at, last_sync_at, guarded_since;
  bool guard_lifted = false;
  bool asked = false, reset_asked = false, reset_lifts = false;  // by its owner, not yet done (actions.hpp)
  bool has_tombstones = false;
  bool fetch_again = false;               // some of its books are told in two steps, so that their files are fetched anew (8.6)
  std::optional<std::int64_t> stands_on;  // the oldest session that it can be at, as far as its last request tells
};
// Finds or makes the row of that reader and locks it until the end of the transaction. A reader that does not say who it is uses
// the only row of the credential (17.2).
kobo_row lock_row(db::tx&, const uuid& device, const uuid& user, const reader_facts&);
// The same row without a lock, for requests that only read; nothing when the reader was never met.
std::optional<kobo_row> find_row(db::tx&, const uuid& device, const uuid& user, const reader_facts&);
// Of the readers behind a credential the one that was told of a book, the last seen first: a file is asked for without any header
// (12). Locked.
std::optional<kobo_row> find_holder(db::tx&, const uuid& device, const uuid& user, const uuid& entitlement);
void store_run(db::tx&, const kobo_row&);   // answered, chained, last_sync_at
void unanswered(db::tx&, const kobo_row&);  // its last answer was cut off: it was not told

// When these are unchanged nothing that a device could be told has changed.
struct quiet_numbers {
  std::int64_t catalog = 0, audience = 0, state = 0, changes = 0;
  bool operator==(const quiet_numbers&) const = default;
};
quiet_numbers numbers_of(const library::gate&, const kobo_row&);

struct session {
  std::int64_t id = 0, epoch = 0;
  std::optional<std::int64_t> parent;
  int op_count = 0, delivered = 0;
  bool acked = false;
  instant created_at{};
  std::optional<quiet_numbers> quiet;
};
std::optional<session> find_session(db::tx&, const uuid& row, std::int64_t id);
std::optional<session> newest_session(db::tx&, const uuid& row);
std::optional<session> newest_acknowledged(db::tx&, const uuid& row);
// Of those that were told to their end, heard or not: what a reader without tokens is taken to hold (17.6).
std::optional<session> newest_told(db::tx&, const uuid& row);
void note_told(db::tx&, std::int64_t session);
bool acknowledged_after(db::tx&, const uuid& row, std::int64_t id);  // is there a finished session newer than that one?
session_content load_content(db::tx&, std::int64_t session);
std::vector<op> load_ops(db::tx&, std::int64_t session, int first, int count);
// Of this row, newer than `base`; without their snapshots.
std::vector<session_content> load_later(db::tx&, const uuid& row, std::int64_t base);
session create_session(db::tx&, const kobo_row&, std::optional<std::int64_t> parent, const snapshot&, const std::vector<op>&);
void note_quiet(db::tx&, std::int64_t session, const quiet_numbers&);

// `?` for a thing in one session.
void doubt(db::tx&, std::int64_t session, subject, const std::vector<uuid>&);
// `?` in every session that is kept of the row, and a sign that there is something new to say.
void doubt_everywhere(db::tx&, const uuid& row, subject, const std::vector<uuid>&);

// The device has told its reading state of a book: it holds that revision of ours, or nothing of the kind when what was stored
// is not just what it sent (17.2).
void state_said(db::tx&, const kobo_row&, const uuid& entitlement, std::optional<std::int64_t> revision);

// ---- ledger ----
struct ledger_ids {
  std::unordered_set<uuid> books, tags;
};
ledger_ids load_ledger(db::tx&, const uuid& row);
struct announcement {
  subject about = subject::book;
  uuid id;
  std::string title;
  bool series = false;  // a series of the book is told
  bool anew = false;    // what the device showed of it before proves nothing any more
};
void announce(db::tx&, const uuid& row, const std::vector<announcement>&);  // before the answer leaves (17.5.2)
// Those of them of which a sample has to be told first (8.6): until the run in which it was told is over.
std::unordered_set<uuid> fetched_anew(db::tx&, const kobo_row&, const std::vector<uuid>& books);
// What an answer told of those: samples, and books.
void samples_told(db::tx&, const kobo_row&, const std::vector<uuid>& samples, const std::vector<uuid>& books);
// The title under which a book was announced; nothing when it never was.
std::optional<std::string> announced_title(db::tx&, const uuid& row, const uuid& entitlement);
// The first `count` ops of the session have arrived; all of them when `whole` (17.4).
void deliver(db::tx&, const kobo_row&, const session&, int count, bool whole);

// Makes room for one more session (17.10). `base`: that it will follow; it stays, for its answer may be asked for again. True
// when something became doubtful by it.
struct retention {
  int acked = 3, open = 8;  // neither below 2: two readers with one token would take each other's place
};
bool forget_old_sessions(db::tx&, const uuid& row, const retention&, std::optional<std::int64_t> base);

}  // namespace carrel::kobo
