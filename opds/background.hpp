#pragma once
// Internal to opds.

#include <functional>
#include <string_view>

#include "opds/state.hpp"

namespace carrel::opds {

// Work in the database that no answer waits for. What fails is told once and done again by the next request that needs it.
void in_background(shared_state&, std::string_view event, std::function<void(db::tx&)> work);

}  // namespace carrel::opds
