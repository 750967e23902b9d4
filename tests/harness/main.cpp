#define CATCH_CONFIG_RUNNER
#include <catch2/catch.hpp>
#include <csignal>
#include <cstdlib>

#include "server/core/log.hpp"
#include "tests/harness/database.hpp"

#if defined(__SANITIZE_THREAD__)
// The counter of an exception_ptr is inside libstdc++.so, where the sanitizer does not see that it is atomic.
extern "C" const char* __tsan_default_suppressions() {  // NOLINT(bugprone-reserved-identifier)
  return "race:std::__exception_ptr::exception_ptr::_M_release\n";
}
#endif

namespace {

struct failure_counter : Catch::TestEventListenerBase {
  using TestEventListenerBase::TestEventListenerBase;
  bool assertionEnded(const Catch::AssertionStats& s) override {
    if (!s.assertionResult.isOk()) carrel::harness::count_failure();
    return true;
  }
};

}  // namespace

CATCH_REGISTER_LISTENER(failure_counter)

int main(int argc, char** argv) {
  std::signal(SIGPIPE, SIG_IGN);
  const char* level = std::getenv("CARREL_TEST_LOG");
  carrel::log::start(level != nullptr ? carrel::log::level::debug : carrel::log::level::error, "text");
  Catch::Session session;
  if (int bad = session.applyCommandLine(argc, argv); bad != 0) return bad;
  bool lists_only = session.config().listTests() || session.config().listTags() || session.config().listReporters() ||
                    session.config().listTestNamesOnly() || session.configData().showHelp;
  if (!lists_only && !carrel::harness::begin(argv[0])) return 1;
  int failed = session.run();
  if (!lists_only) carrel::harness::end();
  return failed;
}
