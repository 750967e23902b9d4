#pragma once

#include "server/core/clock.hpp"
#include "server/core/uuid.hpp"
#include "server/db/tx.hpp"

namespace carrel::library {

// A device was handed a page, from 0. Whether it was handed the one before, or the one before that, two seconds ago or earlier:
// then a person is turning pages, not an app fetching ahead (opds.md 8.3).
bool turned_page(db::tx&, const uuid& device, const uuid& file, int page, instant now);

}  // namespace carrel::library
