#pragma once
// What settings make of what files say (ingest.md 9.3, 10.4, 17.5, 18.2).

#include <vector>

#include "ingest/settings.hpp"
#include "library/local_source.hpp"

namespace carrel::ingest {

void follow(publication::metadata&, const settings&);
void follow(std::vector<library::local_source>&, const settings&);

}  // namespace carrel::ingest
