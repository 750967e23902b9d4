#pragma once
// What happened to a Kobo, in words that its page translates (kobo.md 17.8).

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "server/core/clock.hpp"
#include "server/core/uuid.hpp"
#include "server/db/tx.hpp"

namespace carrel::library {

namespace event {
inline constexpr std::string_view signed_in = "signed_in";    // H1b: a reset, or a new account
inline constexpr std::string_view full_sync = "full_sync";    // H1: it has lost its place; detail: no_token, not_ours, forgotten
inline constexpr std::string_view went_back = "went_back";    // H1c: a backup, or two readers with one token
inline constexpr std::string_view shared = "shared";          // H1c again and again
inline constexpr std::string_view repeats = "repeats";        // 17.6: it cannot keep its token while a sync goes on
inline constexpr std::string_view reset = "reset";            // reset-sync by the owner
inline constexpr std::string_view ghost = "ghost";            // H2: it shows a book that should be gone
inline constexpr std::string_view stranger = "stranger";      // H2b: it asks for a book that it never got
inline constexpr std::string_view healed = "healed";          // H3: announced again by itself
inline constexpr std::string_view sent_again = "sent_again";  // by the owner
inline constexpr std::string_view taken_off = "taken_off";    // by the owner
inline constexpr std::string_view removed = "removed";        // H4
inline constexpr std::string_view failed = "failed";          // H5; detail: the reason that it gave
inline constexpr std::string_view smaller_pages = "smaller_pages";  // H5; detail: how many
inline constexpr std::string_view came_back = "came_back";          // H6
inline constexpr std::string_view guarded = "guarded";              // 17.2; detail: how many books
}  // namespace event

struct device_event {
  instant at{};
  std::string what, detail;
  std::optional<uuid> entitlement;
};
void note_event(db::tx&, const uuid& row, std::string_view what, std::string_view detail = "",
                const std::optional<uuid>& entitlement = std::nullopt);
std::int64_t events_since(db::tx&, const uuid& row, std::string_view what, instant since);
std::vector<device_event> recent_events(db::tx&, const uuid& row, int most);

}  // namespace carrel::library
