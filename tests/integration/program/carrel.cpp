#include "tests/integration/program/carrel.hpp"

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <catch2/catch.hpp>
#include <fstream>
#include <iterator>

#include "server/core/digest.hpp"
#include "server/core/text.hpp"
#include "server/db/pool.hpp"
#include "tests/harness/database.hpp"
#include "tests/harness/eventually.hpp"

namespace carrel::program::tests {
namespace fs = std::filesystem;
namespace {

std::string read(const fs::path& file) {
  std::ifstream in(file, std::ios::binary);
  return std::string((std::istreambuf_iterator<char>(in)), {});
}

int exit_status(int status) { return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status); }

settings for_server(unsigned port, settings more) {
  settings all{{"LISTEN", "127.0.0.1:" + std::to_string(port)}, {"LISTEN_METRICS", ""}, {"INGEST_SETTLE", "200ms"}};
  all.merge(more);
  return all;
}

}  // namespace

process::process(const fs::path& data, const settings& own, const std::vector<std::string>& words, const std::string& input) {
  static std::atomic<int> count{0};
  fs::path base = harness::folder() / ("program-" + std::to_string(++count));
  out_ = base.string() + ".out";
  err_ = base.string() + ".err";
  fs::path in = base.string() + ".in";
  std::ofstream(in) << input;
  std::vector<std::string> environment{"PATH=" + std::string(::getenv("PATH")), "CARREL_DATA_DIR=" + data.string()};
  for (const auto& [name, value] : own) environment.push_back("CARREL_" + name + "=" + value);
  std::vector<std::string> arguments{CARREL_PROGRAM};
  arguments.insert(arguments.end(), words.begin(), words.end());
  std::vector<char*> argv, envp;
  for (std::string& a : arguments) argv.push_back(a.data());
  for (std::string& e : environment) envp.push_back(e.data());
  argv.push_back(nullptr);
  envp.push_back(nullptr);
  pid_ = ::fork();
  REQUIRE(pid_ >= 0);
  if (pid_ != 0) return;
  ::dup2(::open(in.c_str(), O_RDONLY), 0);
  ::dup2(::open(out_.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600), 1);
  ::dup2(::open(err_.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600), 2);
  ::close_range(3, ~0U, 0);
  ::execve(argv[0], argv.data(), envp.data());
  ::_exit(127);
}

process::~process() {
  if (running()) kill();
}

void process::send(int signal) const { ::kill(pid_, signal); }

bool process::running() {
  if (pid_ < 0) return false;
  int status = 0;
  if (::waitpid(pid_, &status, WNOHANG) == 0) return true;
  status_ = exit_status(status);
  pid_ = -1;
  return false;
}

int process::wait() {
  int status = 0;
  if (pid_ >= 0 && ::waitpid(pid_, &status, 0) == pid_) status_ = exit_status(status);
  pid_ = -1;
  return status_;
}

void process::kill() {
  send(SIGKILL);
  wait();
}

std::string process::out() const { return read(out_); }
std::string process::err() const { return read(err_); }

server::server(const fs::path& data, unsigned port, settings more) : process(data, for_server(port, std::move(more)), {"serve"}) {
  const std::string mark = " info ready listen=\"127.0.0.1:";
  const std::string plain = " info ready listen=127.0.0.1:";
  bool ready = harness::eventually([&] {
    std::string log = err();
    for (const std::string& m : {mark, plain}) {
      if (std::size_t at = log.find(m); at != std::string::npos && log.find('\n', at) != std::string::npos) {
        port_ = static_cast<unsigned>(std::stoul(log.substr(at + m.size(), 5)));
      }
    }
    return port_ != 0 || !running();
  });
  INFO(err());
  REQUIRE(ready);
  REQUIRE(port_ != 0);
}

json::object run(const fs::path& data, const std::vector<std::string>& words, const std::string& input) {
  std::vector<std::string> all = words;
  all.push_back("--json");
  process p(data, {}, all, input);
  int status = p.wait();
  INFO(p.err());
  REQUIRE(status == 0);
  result<json::object> o = json::read_object(p.out());
  REQUIRE(o.ok());
  return *o;
}

account add_owner(const fs::path& data) {
  account a{.name = "ada", .password = "a long enough password", .device_password = {}, .kosync_key = {}};
  run(data, {"user", "add", a.name, "--role", "owner", "--password-stdin"}, a.password + "\n");
  json::object device = run(data, {"device", "add", "reader", "--user", a.name, "--kind", "koreader"});
  REQUIRE(device.take("password", a.device_password));
  a.kosync_key = md5_hex(a.device_password);
  return a;
}

library_of::library_of(const fs::path& data) {
  auto opened = postgres::cluster::open(data);
  INFO((opened ? std::string() : opened.error().message()));
  REQUIRE(opened.ok());
  cluster_ = std::move(*opened);
}

std::int64_t library_of::number(const std::string& sql) const {
  db::pool p({.url = cluster_->url(), .connections = 1});
  db::statement s{"test.number", sql.c_str()};
  return p.read_now([&](db::tx& tx) { return tx.run(s)[0].integer(0); });
}

pid_t postmaster(const fs::path& data) {
  long pid = 0;
  std::ifstream(data / "pg/postmaster.pid") >> pid;
  return static_cast<pid_t>(pid);
}

}  // namespace carrel::program::tests
