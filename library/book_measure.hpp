#pragma once
// How long the documents of a file are (publication/locator/position.hpp), packed; to find out, all of it is read once.

#include <string>

#include "server/core/uuid.hpp"
#include "server/db/tx.hpp"

namespace carrel::library {

std::string measure_of(db::tx&, const std::string& checksum);  // "" when it is not known
void store_measure(db::tx&, const std::string& checksum, const uuid& file, const std::string& packed);

}  // namespace carrel::library
