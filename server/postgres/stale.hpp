#pragma once
// What an earlier server left behind. Internal to server/postgres.

#include <sys/types.h>

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "server/core/error.hpp"

namespace carrel::postgres {

// postmaster.pid as the server writes it.
struct pid_file {
  pid_t pid = 0;
  std::string socket_folder;
  bool ready = false;
};
std::optional<pid_file> read_pid_file(const std::filesystem::path& cluster);

// Live PostgreSQL processes whose working directory is the cluster; all of a server's have that. Zombies do not count.
std::vector<pid_t> processes_in(const std::filesystem::path& cluster);

// Waits until nothing of an earlier server lives and removes its pid file and socket. `started_by_us` is the process that
// a Carrel started (0 when unknown): it may be told to hurry. Only with pg.lock held.
std::optional<error> clear_earlier(const std::filesystem::path& cluster, const std::filesystem::path& socket,
                                   pid_t started_by_us);

}  // namespace carrel::postgres
