#pragma once

#include <string>

#include "workbench.hpp"

namespace carrel::ingest::test {

// Takes a path in with a process that is killed after the step, when it comes to it for the given time; the number of the signal
// that ended it, or 0. Policy: keep, move.
int run_and_kill(const workbench&, const std::string& policy, step, const fs::path&, int times = 1);

// The same of what a person does: the words that helper_main.cpp names.
int act_and_be_killed(const workbench&, step, const std::vector<std::string>& words);

}  // namespace carrel::ingest::test
