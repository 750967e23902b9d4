#include "killed.hpp"

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <catch2/catch.hpp>

namespace carrel::ingest::test {

namespace {

int run(std::vector<std::string> a) {
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

}  // namespace

int run_and_kill(const workbench& b, const std::string& policy, step at, const fs::path& path, int times) {
  std::string when = std::to_string(static_cast<int>(at)) + ":" + std::to_string(times);
  return run({INGEST_HELPER, "take", b.database.url(), b.data, b.store.cache(), policy, when, path});
}

int act_and_be_killed(const workbench& b, step at, const std::vector<std::string>& words) {
  std::vector<std::string> all{
      INGEST_HELPER, "act", b.database.url(), b.data, b.store.cache(), std::to_string(static_cast<int>(at)), "1"};
  all.insert(all.end(), words.begin(), words.end());
  return run(std::move(all));
}

}  // namespace carrel::ingest::test
