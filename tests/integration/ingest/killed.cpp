#include "killed.hpp"

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <catch2/catch.hpp>

namespace carrel::ingest::test {

int run_and_kill(const workbench& b, const std::string& policy, step at, const fs::path& path, int times) {
  std::string when = std::to_string(static_cast<int>(at)) + ":" + std::to_string(times);
  std::vector<std::string> a{INGEST_HELPER, "take", b.database.url(), b.data, b.store.cache(), policy, when, path};
  std::vector<char*> argv;
  for (std::string& s : a) argv.push_back(s.data());
  argv.push_back(nullptr);
  pid_t pid = -1;
  posix_spawn_file_actions_t quiet;
  ::posix_spawn_file_actions_init(&quiet);
  ::posix_spawn_file_actions_addopen(&quiet, 1, "/dev/null", O_WRONLY, 0);
  REQUIRE(::posix_spawn(&pid, INGEST_HELPER, &quiet, nullptr, argv.data(), environ) == 0);
  ::posix_spawn_file_actions_destroy(&quiet);
  int status = 0;
  ::waitpid(pid, &status, 0);
  return WIFSIGNALED(status) ? WTERMSIG(status) : 0;
}

}  // namespace carrel::ingest::test
