#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

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

namespace {

std::unique_ptr<postgres::cluster> open(const fs::path& data) {
  auto opened = postgres::cluster::open(data);
  INFO((opened ? std::string() : opened.error().message()));
  REQUIRE(opened.ok());
  return std::move(*opened);
}

pid_t server_pid(const fs::path& data) {
  long pid = 0;
  std::ifstream(data / "pg/postmaster.pid") >> pid;
  REQUIRE(pid > 1);
  return static_cast<pid_t>(pid);
}

constexpr db::statement sql_count{"test.crash_count", "select count(*) from kept"};
constexpr db::statement sql_running{"test.running", R"sql(
  select exists (select from pg_stat_activity
                  where state = 'active' and query like '%20000000000%' and pid <> pg_backend_pid()))sql"};

std::int64_t rows_in(const std::string& url) {
  db::pool p({.url = url, .connections = 1});
  return p.read_now([](db::tx& t) { return t.run(sql_count)[0].integer(0); });
}

void add_rows(const std::string& url) {
  db::pool p({.url = url, .connections = 1});
  p.write_now(
      [](db::tx& t) { t.script("create table if not exists kept (n int); insert into kept select generate_series(1, 1000)"); });
}

}  // namespace

TEST_CASE("a server killed with -9 is started again and keeps what was committed") {
  fs::path data = harness::fresh_folder("kill-server");
  auto c = open(data);
  add_rows(c->url());
  pid_t first = server_pid(data);
  REQUIRE(::kill(first, SIGKILL) == 0);
  REQUIRE(eventually([&] { return !c->alive(); }));
  CHECK(fs::exists(data / "pg/postmaster.pid"));
  auto bad = c->look_after();
  INFO((bad ? bad->message() : std::string()));
  REQUIRE_FALSE(bad.has_value());
  CHECK(c->alive());
  CHECK(server_pid(data) != first);
  CHECK(rows_in(c->url()) == 1000);
  CHECK_FALSE(c->look_after().has_value());
}

TEST_CASE("a backend that runs on after its server was killed is ended before the restart") {
  fs::path data = harness::fresh_folder("orphan");
  auto c = open(data);
  add_rows(c->url());
  db::pool p({.url = c->url(), .connections = 1});
  std::thread busy([&] {
    try {  // no latch wait in here: the backend does not notice the death of its parent
      p.read_now([](db::tx& t) { t.script("select count(*) from generate_series(1, 20000000000)"); });
    } catch (const db::failure&) {
    }
  });
  db::pool watcher({.url = c->url(), .connections = 1});
  auto running = [&] { return watcher.read_now([](db::tx& t) { return t.run(sql_running)[0].flag(0); }); };
  REQUIRE(eventually(running));
  REQUIRE(::kill(server_pid(data), SIGKILL) == 0);
  REQUIRE(eventually([&] { return !c->alive(); }));
  auto bad = c->look_after();
  INFO((bad ? bad->message() : std::string()));
  CHECK_FALSE(bad.has_value());
  busy.join();
  CHECK(rows_in(c->url()) == 1000);
}

TEST_CASE("a stale postmaster.pid that names a living stranger does not block the start") {
  fs::path data = harness::fresh_folder("stale");
  auto c = open(data);
  fs::path socket_lock = data / "pg.sock/.s.PGSQL.5432.lock";
  std::ifstream in(data / "pg/postmaster.pid");
  std::string text((std::istreambuf_iterator<char>(in)), {});
  c.reset();
  text.replace(0, text.find('\n'), std::to_string(::getppid()));  // alive, and no PostgreSQL
  std::ofstream(data / "pg/postmaster.pid") << text;
  if (fs::exists(data / "pg.sock")) std::ofstream(socket_lock) << text;
  c = open(data);
  CHECK(c->alive());
}

TEST_CASE("after its only user is killed with -9 the server ends and the next start succeeds") {
  fs::path data = harness::fresh_folder("kill-user");
  for (int round = 0; round < 3; ++round) {
    int ends[2];
    REQUIRE(::pipe(ends) == 0);
    pid_t child = ::fork();
    if (child == 0) {
      auto opened = postgres::cluster::open(data);
      if (!opened.ok()) ::_exit(1);
      add_rows((*opened)->url());
      char ready = 'r';
      if (::write(ends[1], &ready, 1) != 1) ::_exit(2);
      while (true) ::pause();
    }
    ::close(ends[1]);
    char ready = 0;
    REQUIRE(::read(ends[0], &ready, 1) == 1);
    ::close(ends[0]);
    pid_t server = server_pid(data);
    ::kill(child, SIGKILL);
    ::waitpid(child, nullptr, 0);
    if (round == 1) CHECK(eventually([&] { return ::kill(server, 0) != 0 || !fs::exists(data / "pg/postmaster.pid"); }));

    auto began = std::chrono::steady_clock::now();
    auto c = open(data);  // at once in rounds 0 and 2
    WARN("open after kill -9: " << std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count() << " s");
    CHECK(rows_in(c->url()) == 1000 * (round + 1));
  }
}

TEST_CASE("two processes that start at the same moment share one server") {
  fs::path data = harness::fresh_folder("race");
  std::vector<std::unique_ptr<postgres::cluster>> opened(4);
  std::vector<std::thread> threads;
  std::atomic<int> failed{0};
  for (auto& slot : opened) {
    threads.emplace_back([&] {
      auto c = postgres::cluster::open(data);
      if (c)
        slot = std::move(*c);
      else
        ++failed;
    });
  }
  for (auto& t : threads) t.join();
  REQUIRE(failed == 0);
  int starters = 0;
  for (auto& c : opened) {
    starters += c->starter() ? 1 : 0;
    CHECK(c->alive());
  }
  CHECK(starters == 1);
}
