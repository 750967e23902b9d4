#pragma once
// Files that failed, and those that are missing, as lists of things with their remedies.

#include <vector>

#include "web/errata.hpp"
#include "web/pages/parts.hpp"

namespace carrel::web {

std::vector<view> item_views(const visit&, const std::vector<failed_item>&, bool may_retry);
std::vector<view> missing_views(const visit&, const std::vector<missing_file>&);

}  // namespace carrel::web
