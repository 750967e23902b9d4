#pragma once
// The small process that looks after a running server. Internal to server/postgres.

#include <sys/types.h>

#include <filesystem>
#include <string>
#include <vector>

#include "server/core/error.hpp"

namespace carrel::postgres {

// The server belongs to nobody who uses it: anyone may leave, or be killed, and the others notice nothing. It is the child of
// a minder, a fork of Carrel that holds pg.lock, waits until nobody holds pg.users any more (the kernel releases the lock of a
// killed process, too), stops the server and ends. When the server dies, the minder ends at once, so that the lock is free
// for whoever starts it again. A session of its own keeps a terminal's Ctrl-C away from both. A minder that was killed leaves
// the server running; the next who finds pg.lock free has it adopted by a new one.
struct minder_order {
  std::filesystem::path cluster;
  std::filesystem::path users;
  std::filesystem::path log;
  std::filesystem::path far_folder;  // empty, or the socket's folder outside of the data directory, to be removed at the end
  std::vector<std::string> argv;     // how to start the server
  pid_t adopted = 0;                 // or the one that runs
};

struct minding {
  pid_t minder = 0;
  pid_t server = 0;
};

// `lock` is the descriptor of pg.lock, held exclusively; the minder shares it. pg.users must be held, too.
result<minding> start_minder(const minder_order&, int lock);

}  // namespace carrel::postgres
