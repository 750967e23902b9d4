#include "helper.hpp"

#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <catch2/catch.hpp>

namespace carrel::ingest::test {

int run_helper(const workbench& b, const char* act, step s, int times) {
  std::vector<std::string> a{
      INGEST_HELPER,         act,   b.database.url(), b.data, b.store.cache(), std::to_string(static_cast<int>(s)),
      std::to_string(times), "Tree"};
  std::vector<char*> argv;
  for (std::string& one : a) argv.push_back(one.data());
  argv.push_back(nullptr);
  pid_t pid = -1;
  REQUIRE(::posix_spawn(&pid, INGEST_HELPER, nullptr, nullptr, argv.data(), environ) == 0);
  int status = 0;
  ::waitpid(pid, &status, 0);
  return WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status);
}

}  // namespace carrel::ingest::test
