#pragma once
// The libraries within the limits of an account (product.md 8), for the pages and for the API.

#include <optional>
#include <vector>

#include "library/libraries.hpp"

namespace carrel::web {

std::vector<library::book_library> reachable_libraries(db::tx&, const uuid& viewer);
std::optional<library::book_library> reachable_library(db::tx&, const uuid& viewer, const uuid& library);
// False when there is no such library, or when it is the store, which stays.
bool remove_reachable_library(db::tx&, const uuid& viewer, const uuid& library, const library::actor&);

}  // namespace carrel::web
