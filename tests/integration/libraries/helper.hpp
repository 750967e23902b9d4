#pragma once

#include "in_place.hpp"

namespace carrel::ingest::test {

// A process of its own looks through the library and reads it, and kills itself after the step, the COUNTth time. The number of
// the signal that ended it, or its status.
int run_helper(const in_place&, step, int count);

}  // namespace carrel::ingest::test
