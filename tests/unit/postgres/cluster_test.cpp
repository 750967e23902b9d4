#include <sys/stat.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "server/db/pool.hpp"
#include "server/postgres/cluster.hpp"
#include "tests/harness/database.hpp"

using namespace carrel;
namespace fs = std::filesystem;
using seconds = std::chrono::duration<double>;

namespace {

constexpr db::statement sql_settings{"test.settings", "select current_setting($1)"};
constexpr db::statement sql_where{"test.where",
                                  "select current_database(), current_user, pg_encoding_to_char(encoding), datcollate "
                                  "from pg_database where datname = current_database()"};

std::unique_ptr<postgres::cluster> open(const fs::path& data) {
  auto opened = postgres::cluster::open(data);
  INFO((opened ? std::string() : opened.error().message()));
  REQUIRE(opened.ok());
  return std::move(*opened);
}

std::string setting(db::pool& p, const std::string& name) {
  return p.read_now([&](db::tx& t) { return t.run(sql_settings, name)[0].text(0); });
}

seconds timed(const std::function<void()>& work) {
  auto began = std::chrono::steady_clock::now();
  work();
  return std::chrono::steady_clock::now() - began;
}

}  // namespace

TEST_CASE("what was said to this process alone does not reach the server") {
  ::setenv("NOTIFY_SOCKET", "/nowhere", 1);  // systemd would take the database's word for ours
  ::setenv("CARREL_EXTERNAL_URL", "https://books.example", 1);
  fs::path data = harness::fresh_folder("environment");
  std::unique_ptr<postgres::cluster> c = open(data);
  ::unsetenv("NOTIFY_SOCKET");
  ::unsetenv("CARREL_EXTERNAL_URL");
  std::string pid;
  std::ifstream(data / "pg" / "postmaster.pid") >> pid;
  std::ifstream in("/proc/" + pid + "/environ", std::ios::binary);
  std::string seen(std::istreambuf_iterator<char>(in), {});
  CHECK(seen.find("TZ=UTC") != std::string::npos);
  CHECK(seen.find("NOTIFY_SOCKET") == std::string::npos);
  CHECK(seen.find("CARREL_") == std::string::npos);
}

TEST_CASE("a first start makes a cluster with the promised settings, a second one is quick") {
  fs::path data = harness::fresh_folder("cold");
  std::unique_ptr<postgres::cluster> c;
  seconds cold = timed([&] { c = open(data); });
  CHECK(c->starter());
  CHECK(c->alive());
  {
    db::pool p({.url = c->url(), .connections = 1});
    p.read_now([](db::tx& t) {
      db::rows r = t.run(sql_where);
      CHECK(r[0].text(0) == "carrel");
      CHECK(r[0].text(1) == "carrel");
      CHECK(r[0].text(2) == "UTF8");
      CHECK(r[0].text(3) == "C.UTF-8");
    });
    CHECK(setting(p, "data_checksums") == "on");
    CHECK(setting(p, "listen_addresses").empty());
    CHECK(setting(p, "fsync") == "on");
    CHECK(setting(p, "full_page_writes") == "on");
    CHECK(setting(p, "synchronous_commit") == "on");
    CHECK(setting(p, "recovery_init_sync_method") == "syncfs");  // a thousand files one by one take seconds
    CHECK(setting(p, "shared_buffers") == "32MB");
    CHECK(setting(p, "max_connections") == "40");
    CHECK(setting(p, "wal_level") == "minimal");
    CHECK(setting(p, "jit") == "off");
    p.write_now([](db::tx& t) { t.script("create table kept (n int); insert into kept values (42)"); });
  }
  struct stat s {};
  REQUIRE(::stat((data / "pg").c_str(), &s) == 0);
  CHECK((s.st_mode & 0777) == 0700);
  seconds stop = timed([&] { c->stop(); });
  CHECK_FALSE(c->alive());
  CHECK_FALSE(fs::exists(data / "pg/postmaster.pid"));
  c.reset();

  seconds warm = timed([&] { c = open(data); });
  db::pool p({.url = c->url(), .connections = 1});
  constexpr db::statement sql{"test.kept", "select n from kept"};
  CHECK(p.read_now([&](db::tx& t) { return t.run(sql)[0].integer(0); }) == 42);
  WARN("cold " << cold.count() << " s, stop " << stop.count() << " s, warm " << warm.count() << " s");
  CHECK(warm.count() < 2);
}

TEST_CASE("a second opener uses the running server and leaves it alone") {
  fs::path data = harness::fresh_folder("second");
  auto first = open(data);
  auto second = open(data);
  CHECK(first->starter());
  CHECK_FALSE(second->starter());
  CHECK(second->url() == first->url());
  CHECK(second->alive());
  second->stop();
  CHECK(first->alive());
  second = open(data);
  second.reset();
  CHECK(first->alive());
}

TEST_CASE("a data directory with a long path gets its socket elsewhere") {
  fs::path data = harness::fresh_folder("long") / std::string(150, 'x');
  auto c = open(data);
  CHECK(c->url().find("/tmp/carrel-") != std::string::npos);
  auto second = open(data);
  CHECK(second->url() == c->url());
  db::pool p({.url = second->url(), .connections = 1});
  CHECK(setting(p, "port") == "5432");
}

TEST_CASE("odd characters in the data directory's path do no harm") {
  fs::path data = harness::fresh_folder("odd") / "a, 'b' \"c\" \\ $d";
  auto c = open(data);
  db::pool p({.url = c->url(), .connections = 1});
  CHECK(setting(p, "port") == "5432");
}

TEST_CASE("leftovers of a first start that was killed are removed") {
  fs::path data = harness::fresh_folder("half");
  fs::create_directories(data / "pg.new/base");
  std::ofstream(data / "pg.new/PG_VERSION") << "15\n";
  auto c = open(data);
  CHECK(c->alive());
  CHECK_FALSE(fs::exists(data / "pg.new"));
}

TEST_CASE("a cluster of another version is refused with the way to upgrade") {
  fs::path data = harness::fresh_folder("version");
  open(data).reset();
  std::ofstream(data / "pg/PG_VERSION") << "13\n";
  auto opened = postgres::cluster::open(data);
  REQUIRE_FALSE(opened);
  CHECK(opened.error().field == "postgres");
  std::string text = opened.error().message();
  CHECK(text.find("PostgreSQL 13") != std::string::npos);
  CHECK(text.find("pg_upgrade -U carrel -b /usr/lib/postgresql/13/bin -B ") != std::string::npos);

  std::ofstream(data / "pg/PG_VERSION") << "rubbish\n";
  auto damaged = postgres::cluster::open(data);
  REQUIRE_FALSE(damaged);
  CHECK(damaged.error().message().find("PG_VERSION") != std::string::npos);
}

TEST_CASE("a damaged cluster ends in an error that names the reason") {
  fs::path data = harness::fresh_folder("damaged");
  open(data).reset();
  fs::resize_file(data / "pg/global/pg_control", 100);
  auto opened = postgres::cluster::open(data);
  REQUIRE_FALSE(opened);
  CHECK(opened.error().message().find("did not start") != std::string::npos);
}

TEST_CASE("folders that cannot be used are named errors") {
  CHECK_FALSE(postgres::cluster::open("/proc/nowhere/data").ok());
  fs::path closed = harness::fresh_folder("closed");
  fs::permissions(closed, fs::perms::owner_read | fs::perms::owner_exec);
  auto opened = postgres::cluster::open(closed);
  REQUIRE_FALSE(opened);
  CHECK(opened.error().field == "data");
  CHECK(opened.error().reason.find("not writable") != std::string::npos);
  fs::permissions(closed, fs::perms::owner_all);
}

TEST_CASE("a wrong CARREL_PG_BIN is named") {
  ::setenv("CARREL_PG_BIN", "/usr/bin", 1);
  auto found = postgres::find_binaries();
  ::unsetenv("CARREL_PG_BIN");
  REQUIRE_FALSE(found);
  CHECK(found.error().reason.find("CARREL_PG_BIN") != std::string::npos);
  CHECK(postgres::find_binaries().ok());
}

TEST_CASE("a large server log is put aside at start") {
  fs::path data = harness::fresh_folder("log");
  open(data).reset();
  fs::resize_file(data / "pg.log", 11 << 20);
  open(data).reset();
  CHECK(fs::file_size(data / "pg.log.1") == 11 << 20);
  CHECK(fs::file_size(data / "pg.log") < 100'000);
}
