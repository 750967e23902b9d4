// Several processes use one private cluster and leave it, in order or killed: nobody else may notice, and the last one turns
// off the light.
#include <signal.h>
#include <sys/file.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <thread>

#include "server/db/pool.hpp"
#include "server/postgres/cluster.hpp"
#include "tests/harness/database.hpp"
#include "tests/harness/eventually.hpp"

using namespace carrel;
using namespace std::chrono_literals;
using harness::eventually;
namespace fs = std::filesystem;
using steady = std::chrono::steady_clock;

namespace {

constexpr db::statement sql_one{"test.one", "select 1"};

// A minder of that cluster lives: by its name and the lock that it holds open.
bool is_minded(const fs::path& data) {
  std::error_code unreadable;
  for (const fs::directory_entry& process : fs::directory_iterator("/proc", unreadable)) {
    std::string name;
    std::ifstream(process.path() / "comm") >> name;
    if (name != "carrel-pg") continue;
    std::error_code gone;
    for (fs::directory_iterator at(process.path() / "fd", gone), end; !gone && at != end; at.increment(gone)) {
      std::error_code closed;
      if (fs::read_symlink(at->path(), closed) == fs::canonical(data) / "pg.lock") return true;
    }
  }
  return false;
}

// A process that uses the cluster without a pause. After `leave` its exit status tells whether it ever lost the database.
class user {
 public:
  explicit user(const fs::path& data) {
    int ends[2];
    REQUIRE(::pipe2(ends, O_CLOEXEC) == 0);
    pid_ = ::fork();
    REQUIRE(pid_ >= 0);
    if (pid_ == 0) ::_exit(run(data, ends[1]));
    ::close(ends[1]);
    char word = 0;
    bool ready = ::read(ends[0], &word, 1) == 1;
    ::close(ends[0]);
    REQUIRE(ready);
  }
  ~user() {
    if (pid_ != 0) kill();
  }
  user(const user&) = delete;
  user& operator=(const user&) = delete;

  void ask_to_leave() const { ::kill(pid_, SIGTERM); }
  int wait() {
    int status = -1;
    ::waitpid(std::exchange(pid_, 0), &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  }
  int leave() {
    ask_to_leave();
    return wait();
  }
  void kill() {
    ::kill(pid_, SIGKILL);
    ::waitpid(std::exchange(pid_, 0), nullptr, 0);
  }

 private:
  static int run(const fs::path& data, int ready) {
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    ::sigprocmask(SIG_BLOCK, &set, nullptr);
    auto opened = postgres::cluster::open(data);
    if (!opened) return 2;
    int outcome = 0;
    try {
      db::pool p({.url = (*opened)->url(), .connections = 1});
      bool told = false;
      timespec moment{.tv_sec = 0, .tv_nsec = 2'000'000};
      while (::sigtimedwait(&set, nullptr, &moment) != SIGTERM) {
        p.read_now([](db::tx& t) { return t.run(sql_one)[0].integer(0); });
        db::pool another({.url = (*opened)->url(), .connections = 1});
        another.read_now([](db::tx& t) { return t.run(sql_one)[0].integer(0); });
        if (!std::exchange(told, true) && ::write(ready, "r", 1) != 1) return 3;
        (*opened)->look_after();
      }
    } catch (const db::failure&) {
      outcome = 1;
    }
    (*opened)->stop();
    return outcome;
  }

  pid_t pid_ = 0;
};

pid_t server_pid(const fs::path& data) {
  long pid = 0;
  std::ifstream(data / "pg/postmaster.pid") >> pid;
  return static_cast<pid_t>(pid);
}

std::vector<std::string> stat_of(pid_t pid) {
  std::ifstream in("/proc/" + std::to_string(pid) + "/stat");
  std::vector<std::string> out;
  for (std::string word; in >> word;) out.push_back(word);
  return out;
}

pid_t parent_of(pid_t pid) {
  std::vector<std::string> words = stat_of(pid);
  REQUIRE(words.size() > 6);
  return std::stoi(words[3]);
}

// In order: the last one to use it has waited for its end.
bool at_rest(const fs::path& data) {
  int fd = ::open((data / "pg.lock").c_str(), O_RDWR | O_CLOEXEC);
  bool free = ::flock(fd, LOCK_EX | LOCK_NB) == 0;
  ::close(fd);
  return free && !fs::exists(data / "pg/postmaster.pid");
}

double seconds_since(steady::time_point t) { return std::chrono::duration<double>(steady::now() - t).count(); }

}  // namespace

TEST_CASE("who started the server may leave at any time: the others go on, the last one stops it") {
  fs::path data = harness::fresh_folder("leave");
  user first(data);
  user second(data);
  pid_t server = server_pid(data);
  auto began = steady::now();
  CHECK(first.leave() == 0);
  CHECK(seconds_since(began) < 2);
  user third(data);
  CHECK(server_pid(data) == server);
  CHECK(second.leave() == 0);
  CHECK_FALSE(at_rest(data));
  CHECK(third.leave() == 0);
  CHECK(at_rest(data));
}

TEST_CASE("users that are killed with -9, the starter first, disturb nobody, and the server ends after the last") {
  fs::path data = harness::fresh_folder("killed-users");
  auto first = std::make_unique<user>(data);
  auto second = std::make_unique<user>(data);
  user third(data);
  pid_t server = server_pid(data);
  first->kill();
  second->kill();
  user fourth(data);
  CHECK(server_pid(data) == server);
  CHECK(third.leave() == 0);
  CHECK_FALSE(at_rest(data));
  fourth.kill();
  CHECK(eventually([&] { return at_rest(data); }));
  user again(data);
  CHECK(again.leave() == 0);
}

TEST_CASE("a minder that is killed with -9 is replaced, and the server is not restarted") {
  fs::path data = harness::fresh_folder("killed-minder");
  user first(data);
  user second(data);
  pid_t server = server_pid(data);
  pid_t minder = parent_of(server);
  REQUIRE(::kill(minder, SIGKILL) == 0);
  REQUIRE(eventually([&] { return parent_of(server) != minder; }));
  // A user holds the lock, too, while it makes the new minder; killed then, it leaves the server to the next one.
  CHECK(eventually([&] { return is_minded(data); }));
  CHECK(first.leave() == 0);
  CHECK(server_pid(data) == server);

  SECTION("then the last user leaves") {
    CHECK(second.leave() == 0);
    CHECK(at_rest(data));
  }
  SECTION("then the last user is killed") {
    second.kill();
    CHECK(eventually([&] { return at_rest(data); }));
  }
}

TEST_CASE("minder and users killed at once leave a server that the next one uses") {
  fs::path data = harness::fresh_folder("adopted");
  auto first = std::make_unique<user>(data);
  pid_t server = server_pid(data);
  pid_t minder = parent_of(server);
  ::kill(minder, SIGSTOP);  // or it would stop the server before it is killed
  first->kill();
  ::kill(minder, SIGKILL);
  REQUIRE(eventually([&] { return parent_of(server) != minder; }));
  user next(data);
  CHECK(server_pid(data) == server);
  user another(data);
  CHECK(next.leave() == 0);
  CHECK(another.leave() == 0);
  CHECK(at_rest(data));
}

TEST_CASE("a server that dies is started again by whoever is left, and an adopted one, too") {
  fs::path data = harness::fresh_folder("dead-server");
  auto starter = std::make_unique<user>(data);
  auto opened = postgres::cluster::open(data);
  REQUIRE(opened.ok());
  postgres::cluster& c = **opened;
  starter->kill();
  bool minder_too = GENERATE(false, true);
  if (minder_too) {
    ::kill(parent_of(server_pid(data)), SIGKILL);
    CHECK(eventually([&] { return !c.look_after() && !at_rest(data); }));
  }
  pid_t before = server_pid(data);
  REQUIRE(::kill(before, SIGKILL) == 0);
  REQUIRE(eventually([&] { return !c.alive(); }));
  CHECK(eventually([&] { return !c.look_after() && c.alive(); }));
  CHECK(server_pid(data) != before);
  db::pool p({.url = c.url(), .connections = 1});
  CHECK(p.read_now([](db::tx& t) { return t.run(sql_one)[0].integer(0); }) == 1);
}

TEST_CASE("neither the terminal's process group nor its session reaches the server") {
  fs::path data = harness::fresh_folder("terminal");
  user only(data);
  pid_t server = server_pid(data);
  CHECK(::getsid(server) != ::getsid(0));
  CHECK(::getpgid(server) == server);
  CHECK(::getpgid(parent_of(server)) != ::getpgrp());
  ::kill(parent_of(server), SIGTERM);
  ::kill(parent_of(server), SIGINT);
  CHECK(only.leave() == 0);
  CHECK(at_rest(data));
}

TEST_CASE("users that come and go at random, some of them killed, never see an outage") {
  fs::path data = harness::fresh_folder("coming-and-going");
  std::srand(4711);
  auto constant = std::make_unique<user>(data);
  std::vector<std::unique_ptr<user>> others;
  for (int i = 0; i < 30; ++i) {
    int what = std::rand() % 4;
    if (what < 2 || others.empty()) {
      others.push_back(std::make_unique<user>(data));
    } else if (what == 2) {
      others.front()->kill();
      others.erase(others.begin());
    } else {
      CHECK(others.back()->leave() == 0);
      others.pop_back();
    }
    if (i % 10 == 9) {  // the one who has been there longest goes, too
      others.push_back(std::make_unique<user>(data));
      CHECK(constant->leave() == 0);
      constant = std::move(others.back());
      others.pop_back();
    }
  }
  for (auto& u : others) u->ask_to_leave();
  constant->ask_to_leave();
  for (auto& u : others) CHECK(u->wait() == 0);
  CHECK(constant->wait() == 0);
  CHECK(eventually([&] { return at_rest(data); }));
}

TEST_CASE("one after the other, each starts and stops the server; nothing is left in between") {
  fs::path data = harness::fresh_folder("in-turn");
  for (int i = 0; i < 5; ++i) {
    auto opened = postgres::cluster::open(data);
    REQUIRE(opened.ok());
    CHECK((*opened)->starter());
    (*opened)->stop();
    CHECK(at_rest(data));
  }
}
