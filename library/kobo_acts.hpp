#pragma once
// What the owner of a Kobo asks for when it and the library disagree. It is done when the device next asks for its library, and
// can be taken back until then. Nothing is done to the library or to another device.

#include <optional>
#include <string>
#include <vector>

#include "server/core/clock.hpp"
#include "server/core/uuid.hpp"
#include "server/db/tx.hpp"

namespace carrel::library {

// How many of these books will be announced again. Those that are not on the device's shelves are left alone, with
// `only_removed` also those that were not removed on the device. `fetch_again`: as a sample first, so that the device fetches the
// file anew (kobo.md 8.6; not every firmware may do so).
struct announcing {
  bool only_removed = false, fetch_again = false;
};
int announce_again(db::tx&, const uuid& device, const std::vector<uuid>& books, announcing);

// These books leave the device with its next sync and stay away until they are restored or have left its shelves. How many.
int take_off(db::tx&, const uuid& device, const std::vector<uuid>& books);

// Everything will be said again from the start. How many books that is, and of what size.
struct reset_preview {
  int books = 0, removed = 0;  // `removed`: on the device by its reader; not among `books` unless lifted
  std::int64_t bytes = 0;
};
reset_preview preview_reset(db::tx&, const uuid& device);
int reset_kobo(db::tx&, const uuid& device, bool lift_removed);

// What was asked of this device and is not yet done. False when there was nothing.
bool take_back_kobo_acts(db::tx&, const uuid& device);

// The books that vanished may go from the device (kobo.md 17.2).
bool agree_to_removal(db::tx&, const uuid& device);

// A book that a reader removed on one of these devices may come again once it has left their shelves altogether, also when it is
// back before the device asks (kobo.md 17.7).
void forget_removed(db::tx&, const std::vector<uuid>& devices);
// A collection that was hidden on the device is shown again once its shelf no longer feeds it and then feeds it anew.
void forget_hidden(db::tx&, const uuid& device, const uuid& shelf);
// Lists of its shelves that the reader deleted on the device, and that are kept from it since (kobo.md 11).
struct hidden_collection {
  uuid shelf;
  std::string name;
};
std::vector<hidden_collection> hidden_collections(db::tx&, const uuid& device);
bool show_hidden(db::tx&, const uuid& device, const uuid& shelf);  // with its next sync; false when it is not hidden

}  // namespace carrel::library
