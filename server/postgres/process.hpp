#pragma once
// Child processes. Internal to server/postgres.

#include <sys/types.h>

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "server/core/error.hpp"

namespace carrel::postgres {

struct finished_command {
  int status = 0;      // exit status, or 128 + signal
  std::string output;  // standard output and error together
};

// Runs a program to its end, in `folder`. PG* variables of the environment do not reach it, messages are in English.
result<finished_command> run_command(const std::vector<std::string>& argv, const std::filesystem::path& folder,
                                     std::string_view input);

// Starts a program in a process group of its own. When the calling *thread* ends, the kernel sends it `farewell`.
result<pid_t> start_process(const std::vector<std::string>& argv, const std::filesystem::path& folder, int output, int farewell);

}  // namespace carrel::postgres
