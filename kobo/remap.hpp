#pragma once

#include <optional>

#include "kobo/reanchor.hpp"
#include "server/core/uuid.hpp"
#include "server/db/tx.hpp"

namespace carrel::kobo {

// The book has another conversion now: places in the one before, or in the last that was made of the book, become places in this
// one, before it is announced (kobo.md 8.4, 10.4). Their times stay. Of one that is not delivered, because the
// file was replaced meanwhile, nothing follows. `words`: what readers marked, where it stands now. How many readers had a place.
int remap_places(db::tx&, const uuid& book, const uuid& artifact, const std::optional<uuid>& before, const found_words& words);

}  // namespace carrel::kobo
