#pragma once
// What a book that is merged says of itself, where the one that stays says nothing, or where a person has said it. Internal to
// library/.

#include <string>

#include "server/core/uuid.hpp"
#include "server/db/tx.hpp"

namespace carrel::library {

// Fields of `other` for `kept`, with what it takes to go back, as JSON; "" when nothing was taken. `all`: otherwise only what
// limits who may see its files (age rating, tags).
std::string take_fields(db::tx&, const uuid& kept, const uuid& other, bool all);
// Those that are still as the merge left them; how many have changed since and stay.
int give_fields_back(db::tx&, const uuid& kept, const std::string& taken);

}  // namespace carrel::library
