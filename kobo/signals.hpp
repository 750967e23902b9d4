#pragma once
// What a Kobo shows of a book by asking for it, and what follows when that contradicts what it should hold (kobo.md 17.8).

#include <cstdint>
#include <string_view>
#include <vector>

#include "kobo/sessions.hpp"

namespace carrel::kobo {

// `asked`: for a state; `state`: told one, or reported to have been read.
enum class signal : std::uint8_t { cover, metadata, asked, state, download_started, download_done, annotations, inventory };

// Of books that were announced to the device their times are kept. One that should be gone is said to be gone again (H2), or is
// welcomed back when its reader took it out of the archive (H6).
void note_signals(db::tx&, const kobo_row&, signal, const std::vector<uuid>& entitlements);

// Books that arrived long ago and that the device never touched, although it touched later ones, are suspicious, and announced
// again: at most twice each and `heal_most` at a time (H3). `after_syncs`: of the device since they arrived. How many are
// announced again.
int look_for_silent(db::tx&, const kobo_row&, int after_syncs, int heal_most);

// Its last answers were not usable, as the reader says itself (H5). After three in a row its pages become smaller.
void note_failed_sync(db::tx&, const kobo_row&, std::string_view reason, int usual_page);
void note_good_sync(db::tx&, const kobo_row&);

}  // namespace carrel::kobo
