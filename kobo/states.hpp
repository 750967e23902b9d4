#pragma once
// Reading states as a Kobo says them and hears them (kobo.md 7.5, 10.5): each section with its own time, echoed unchanged.

#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "library/kobo_place.hpp"
#include "server/core/clock.hpp"
#include "server/core/json.hpp"
#include "server/core/uuid.hpp"
#include "server/db/tx.hpp"

namespace carrel::kobo {

struct kobo_ids;
struct kobo_row;

// By a clock that is more than a day ahead; and what that counts as (10.5, rule 5).
struct wrong_time {
  instant said{}, counts{};
};
struct state_section {
  json::object fields;  // without LastModified
  instant at{};         // as it is compared
  std::optional<wrong_time> by_device{};
  instant shown_at() const;  // to the device; later than what it said itself, if others have said something since
};
// As one device is to hear it.
struct reading_state {
  std::int64_t revision = 0;
  instant created{};
  std::optional<state_section> status, statistics, bookmark;
  instant last_modified() const;  // the newest of the three, else `created`
};

std::unordered_map<uuid, reading_state> read_states(db::tx&, const kobo_ids&, const std::vector<uuid>& entitlements);

// The object of 7.5. Without a stored state: ReadyToRead since `added`, never "now" (9.2).
json::object state_json(const uuid& entitlement, const reading_state*, instant added);

// A PUT of one book (9.3): each section by its own time, the newer wins; what is missing or damaged changes nothing. All
// other devices of the reader will be told.
struct section_results {
  const char *status = "Ignored", *statistics = "Ignored", *bookmark = "Ignored";
  std::optional<library::kobo_place> place{};  // when the reader is at another one now
  instant last_modified{};
};
// `furthest_usually`: of readers who have not chosen whether a place may go back (10.5, rule 7).
section_results put_state(db::tx&, const kobo_row&, const uuid& entitlement, const json::object& sent,
                          bool furthest_usually = false);

instant state_time(const json::object& sent);  // of the envelope; now when it has none

// The times that a device writes: no fraction or up to seven digits, Z or an offset of zero (7).
std::optional<instant> parse_time(std::string_view);

}  // namespace carrel::kobo
