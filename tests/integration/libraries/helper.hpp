#pragma once

#include "in_place.hpp"
#include "tests/integration/ingest/workbench.hpp"

namespace carrel::ingest::test {

// A process of its own does what is due of the library Tree (helper_main.cpp) and kills itself after the step, the COUNTth time.
// The number of the signal that ended it, or its status.
int run_helper(const workbench&, const char* act, step, int count);
// Looks through the library and reads it.
inline int run_helper(const in_place& t, step s, int count) { return run_helper(t.b, "scan", s, count); }

}  // namespace carrel::ingest::test
