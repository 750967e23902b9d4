#include "tests/harness/database.hpp"

#include <signal.h>
#include <unistd.h>

#include <atomic>
#include <cstdio>
#include <memory>
#include <optional>
#include <stdexcept>

#include "server/core/text.hpp"
#include "server/db/pool.hpp"
#include "server/postgres/cluster.hpp"

namespace carrel::harness {
namespace fs = std::filesystem;
namespace {

struct everything {
  fs::path folder;
  std::atomic<unsigned> failures{0};
  std::vector<db::migration> migrations;
  std::unique_ptr<postgres::cluster> cluster;
  unsigned databases = 0;
  bool ended = false;
};

everything& all() {
  static everything e;
  return e;
}

std::string url_of(const std::string& name) {
  std::string url = cluster_url();
  return url.replace(url.find("dbname=carrel"), 13, "dbname=" + name);
}

void run_outside_transaction(const std::string& sql) {
  db::pool p({.url = cluster_url(), .connections = 1, .application = "harness"});
  p.read_now([&](db::tx& t) { t.script(sql); });
}

// What tests end with kill -9 are processes: what these have written is there without waiting for the disk.
void spare_the_disk() {
  for (const char* setting : {"fsync = off", "full_page_writes = off"})
    run_outside_transaction(std::string("alter system set ") + setting);
  run_outside_transaction("select pg_reload_conf()");
}

void make_template() {
  run_outside_transaction("create database test_template");
  db::pool p({.url = url_of("test_template"), .connections = 1, .application = "harness"});
  result<db::schema_state> done = db::migrate(p, all().migrations);
  if (!done) throw std::runtime_error("template database: " + done.error().message());
}

postgres::cluster& cluster() {
  if (all().ended) throw std::logic_error("the tests' cluster has been stopped");
  if (!all().cluster) {
    auto opened = postgres::cluster::open(folder() / "data");
    if (!opened) throw std::runtime_error(opened.error().message());
    all().cluster = std::move(*opened);
    spare_the_disk();
    make_template();
  }
  return *all().cluster;
}

std::string clone() {
  cluster();
  std::string name = "test_" + std::to_string(++all().databases);
  // Copying through the log spares the two checkpoints that copying files takes.
  run_outside_transaction("create database " + name + " template test_template strategy wal_log");
  return name;
}

// Folders of earlier runs of the same program that failed or were killed.
void remove_old(const fs::path& parent, const std::string& prefix) {
  std::error_code ec;
  std::vector<fs::path> old;
  for (fs::directory_iterator it(parent, ec), end; !ec && it != end; it.increment(ec)) {
    std::string name = it->path().filename().string();
    if (!name.starts_with(prefix)) continue;
    auto pid = to_integer(name.substr(prefix.size()));
    if (pid && ::kill(static_cast<pid_t>(*pid), 0) != 0 && errno == ESRCH) old.push_back(it->path());
  }
  for (const fs::path& p : old) fs::remove_all(p, ec);
}

}  // namespace

const fs::path& folder() { return all().folder; }

fs::path fresh_folder(const std::string& name) {
  static std::atomic<unsigned> count{0};
  fs::path out = folder() / (name + "-" + std::to_string(++count));
  fs::create_directories(out);
  return out;
}

void use_migrations(std::vector<db::migration> m) { all().migrations = std::move(m); }

std::string cluster_url() { return cluster().url(); }

database::database() : name_(clone()), url_(url_of(name_)), failures_before_(all().failures) {}

database::~database() {
  if (all().ended) return;
  if (all().failures != failures_before_ || std::uncaught_exceptions() > 0) {
    std::fprintf(stderr, "the failed test's database is %s in %s\n", name_.c_str(), (folder() / "data").c_str());
    return;
  }
  try {
    run_outside_transaction("drop database " + name_ + " with (force)");
  } catch (const std::exception& e) {
    std::fprintf(stderr, "database %s could not be dropped: %s\n", name_.c_str(), e.what());
  }
}

std::string fresh_database() { return url_of(clone()); }

bool begin(const char* program) {
  bool root = ::geteuid() == 0;
  fs::path parent = fs::current_path();
  if (!root && ::access(parent.c_str(), W_OK) != 0) parent = "/tmp";
  // Root makes the first of these; all that is in it can then be removed by whom the tests become.
  parent /= root ? "carrel-test-service" : "carrel-test-" + std::to_string(::geteuid());
  if (auto bad = postgres::drop_root({parent})) {
    std::fprintf(stderr, "%s\n", bad->message().c_str());
    return false;
  }
  std::string prefix = fs::path(program).filename().string() + "-";
  remove_old(parent, prefix);
  all().folder = parent / (prefix + std::to_string(::getpid()));
  std::error_code ec;
  fs::create_directories(all().folder, ec);
  if (!ec) fs::current_path(all().folder, ec);
  if (ec) std::fprintf(stderr, "%s: %s\n", all().folder.c_str(), ec.message().c_str());
  return !ec;
}

void count_failure() { ++all().failures; }

void end() {
  all().ended = true;
  all().cluster.reset();
  if (all().failures != 0) {
    std::fprintf(stderr, "kept for inspection: %s\n", folder().c_str());
    return;
  }
  std::error_code ec;
  fs::current_path("/", ec);
  fs::remove_all(folder(), ec);
}

}  // namespace carrel::harness
