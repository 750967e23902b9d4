#pragma once
// Books that became part of another one after a device had heard of them. Until its next sync takes them from it, it asks for
// them by their old id, and is answered with what they have become (library/merge.hpp).

#include <unordered_map>
#include <vector>

#include "kobo/target.hpp"

namespace carrel::kobo {

// As read_deliveries, by the ids that were asked for.
std::unordered_map<uuid, delivery> read_told(db::tx&, const kobo_ids&, const std::vector<uuid>& told);

}  // namespace carrel::kobo
