#pragma once
// The filters of the library page that are asked for more rarely (product.md 4.4), in its form and in its chips.

#include <vector>

#include "library/catalog_details.hpp"
#include "library/device.hpp"
#include "web/visit.hpp"

namespace carrel::web {

void fill_details(const visit&, const library::filter&, const std::vector<library::device>&, view& out);
std::vector<view> detail_chips(const visit&, const library::filter&, const std::vector<library::device>&);

}  // namespace carrel::web
