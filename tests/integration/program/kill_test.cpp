// kill -9 of the server and of its database under KOSync writes: what was acknowledged is there.
#include <signal.h>

#include <atomic>
#include <catch2/catch.hpp>
#include <mutex>
#include <thread>

#include "tests/harness/database.hpp"
#include "tests/harness/eventually.hpp"
#include "tests/integration/kosync/client.hpp"
#include "tests/integration/program/carrel.hpp"

using namespace carrel;
using namespace carrel::program::tests;
using kosync::tests::reader;
using kosync::tests::reply;
namespace fs = std::filesystem;

namespace {

// Readers that push without a pause, each to documents of its own, whatever happens to the server.
class load {
 public:
  load(unsigned port, const account& a) : port_(port), account_(a) {
    for (int lane = 0; lane < 6; ++lane) lanes_.emplace_back([this, lane] { push(lane); });
  }
  ~load() { stop(); }
  load(const load&) = delete;
  load& operator=(const load&) = delete;

  void stop() {
    ending_ = true;
    for (std::thread& t : lanes_) t.join();
    lanes_.clear();
  }
  std::size_t count() const {
    std::lock_guard hold(mutex_);
    return acknowledged_.size();
  }
  // So many more pushes are acknowledged.
  bool goes_on(std::size_t more = 100) const {
    std::size_t before = count();
    return harness::eventually([&] { return count() >= before + more; }, std::chrono::seconds{60});
  }
  const std::vector<std::pair<std::string, std::string>>& acknowledged() const { return acknowledged_; }

 private:
  void push(int lane) {
    reader r{.port = port_, .name = account_.name, .key = account_.kosync_key};
    for (int i = 0; !ending_; ++i) {
      std::string document = "d" + std::to_string(lane) + "-" + std::to_string(i % 50);
      std::string progress = std::to_string(i);
      try {
        if (r.push(document, i / 1'000'000.0, progress).status == 200) {
          std::lock_guard hold(mutex_);
          acknowledged_.emplace_back(document, progress);
        }
      } catch (const std::runtime_error&) {  // nobody answered: nothing was promised
        std::this_thread::sleep_for(std::chrono::milliseconds{5});
      }
    }
  }

  unsigned port_;
  account account_;
  std::atomic<bool> ending_{false};
  mutable std::mutex mutex_;
  std::vector<std::pair<std::string, std::string>> acknowledged_;
  std::vector<std::thread> lanes_;
};

// Of each document the last acknowledged push, or a later one that was stored without an answer; and all of them in the history.
void check_kept(const load& l, unsigned port, const account& a, const fs::path& data) {
  reader r{.port = port, .name = a.name, .key = a.kosync_key};
  std::map<std::string, int> last;
  for (const auto& [document, progress] : l.acknowledged()) {
    last[document] = std::max(last[document], std::stoi(progress));
  }
  for (const auto& [document, progress] : last) {
    reply found = r.get(document);
    INFO(document << " " << progress << " " << found.body);
    REQUIRE(found.status == 200);
    CHECK(std::stoi(found.text("progress")) >= progress);
  }
  library_of lib(data);
  auto stored = lib.number("select count(distinct (document, progress)) from reading_progress_history");
  CHECK(stored >= static_cast<std::int64_t>(l.acknowledged().size()));
}

}  // namespace

TEST_CASE("kill -9 of server, database, and both under KOSync writes loses nothing that was acknowledged") {
  fs::path data = harness::fresh_folder("killed");
  auto first = std::make_unique<server>(data);
  unsigned port = first->port();
  account a = add_owner(data);
  load writers(port, a);
  REQUIRE(writers.goes_on());

  first->kill();
  server second(data, port);
  CHECK(writers.goes_on());

  for (int round = 0; round < 2; ++round) {
    pid_t killed = postmaster(data);
    REQUIRE(killed > 1);
    ::kill(killed, SIGKILL);
    REQUIRE(harness::eventually([&] { return postmaster(data) > 1 && postmaster(data) != killed; }));
    CHECK(writers.goes_on());
  }

  pid_t killed = postmaster(data);
  ::kill(killed, SIGKILL);
  second.kill();
  server third(data, port);
  CHECK(writers.goes_on());

  writers.stop();
  check_kept(writers, port, a, data);
  third.send(SIGTERM);
  CHECK(third.wait() == 0);
  CHECK(postmaster(data) == 0);

  server again(data, port);
  check_kept(writers, port, a, data);
}
