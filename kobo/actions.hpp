#pragma once
// What readers and owners do to a Kobo's list (kobo.md 17.7). Each takes effect with the next sync; nothing is ever done to the
// library or to another device.

#include <vector>

#include "kobo/sessions.hpp"

namespace carrel::kobo {

// DELETE from the device: the book is left out until somebody restores it, when it is on the device's shelves at all. With
// `put_back` it comes again with the next sync.
void removed_on_device(db::tx&, const kobo_row&, const uuid& entitlement, bool put_back = false);
// A collection that is no more to be shown on this device, whatever it is elsewhere; nothing happens when it is none (11).
void hide_collection(db::tx&, const kobo_row&, const uuid& tag);
// Re-send and restore: the next sync says these books in full.
void send_again(db::tx&, const kobo_row&, const std::vector<uuid>& entitlements);
// Everything is said again from the start, and what should not be there is taken away. Old tokens mean nothing any more.
void reset_sync(db::tx&, const kobo_row&);
// What the owner asked for on a page or by a command (library/kobo_acts.hpp) is done, now that the device asks.
void do_what_was_asked(db::tx&, kobo_row&);
// Books that left the device's shelves altogether are no longer kept away from it when they come back.
void forget_tombstones(db::tx&, const kobo_row&);

}  // namespace carrel::kobo
