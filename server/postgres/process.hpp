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

// Everything a child needs is prepared before fork: other threads may hold any lock at that moment.
class prepared_child {
 public:
  prepared_child(const std::vector<std::string>& argv, const std::filesystem::path& folder);

  // When the calling *thread* ends, the kernel sends the child `farewell` (0: nothing). Only system calls.
  pid_t fork_and_run(int input, int output, bool own_group, int farewell);

 private:
  std::vector<std::string> arguments_;
  std::vector<std::string> environment_;
  std::string folder_;
  std::vector<char*> argument_pointers_;
  std::vector<char*> environment_pointers_;
};

}  // namespace carrel::postgres
