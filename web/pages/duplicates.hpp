#pragma once
// What other pages show of possible duplicates: the part "duplicates".

#include <string_view>
#include <vector>

#include "web/duplicates.hpp"
#include "web/visit.hpp"

namespace carrel::web {

// Fills duplicates[] and any_duplicates for `{{> duplicates}}`. `back`: where its forms lead afterwards.
void fill_duplicates(const visit&, const std::vector<possible_duplicate>&, std::string_view back, view& into);

}  // namespace carrel::web
