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

// Whether it lives and works in the cluster.
bool lives_in(const std::filesystem::path& cluster, pid_t);

bool answers(const std::filesystem::path& socket);

// What was there before: a server that Carrel started and that works (`started_by_us`, 0 when unknown), to be used again; or
// nothing, after waiting until nothing of an earlier server lives and removing its pid file and socket. Only with pg.lock
// held.
result<std::optional<pid_file>> find_earlier(const std::filesystem::path& cluster, const std::filesystem::path& socket,
                                             pid_t started_by_us);

}  // namespace carrel::postgres
