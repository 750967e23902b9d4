#include "server/postgres/stale.hpp"

#include <signal.h>
#include <sys/stat.h>

#include <algorithm>
#include <chrono>
#include <fstream>
#include <thread>

#include "server/core/log.hpp"
#include "server/core/text.hpp"

namespace carrel::postgres {
namespace fs = std::filesystem;
namespace {

using namespace std::chrono_literals;
using clock = std::chrono::steady_clock;

// The server itself gets long to write its checkpoint. Without it its children have nothing to save: they watch for its
// death, but only between statements.
constexpr auto server_hurry_after = 10s;
constexpr auto server_give_up_after = 30s;
constexpr auto children_quit_after = 500ms;
constexpr auto children_kill_after = 6s;

std::string word_from(const fs::path& file) {
  std::string out;
  std::ifstream(file) >> out;
  return out;
}

bool is_zombie(const fs::path& process) {
  std::ifstream in(process / "stat");
  std::string all((std::istreambuf_iterator<char>(in)), {});
  std::size_t close = all.rfind(')');  // the name before it may hold anything
  return close != std::string::npos && close + 2 < all.size() && all[close + 2] == 'Z';
}

void remove_leftovers(const fs::path& cluster, const fs::path& socket) {
  std::error_code ec;
  fs::path lock = socket;
  lock += ".lock";
  bool stale = fs::remove(cluster / "postmaster.pid", ec);
  stale = fs::remove(socket, ec) || stale;
  stale = fs::remove(lock, ec) || stale;
  if (stale) log::info("postgres.cleared_stale_files", {{"cluster", cluster.string()}});
}

}  // namespace

std::optional<pid_file> read_pid_file(const fs::path& cluster) {
  std::ifstream in(cluster / "postmaster.pid");
  std::vector<std::string> lines;
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  if (lines.empty()) return std::nullopt;
  auto pid = to_integer(trim(lines[0]));
  if (!pid || *pid <= 1) return std::nullopt;
  pid_file out;
  out.pid = static_cast<pid_t>(*pid);
  if (lines.size() > 4) out.socket_folder = lines[4];
  if (lines.size() > 7) out.ready = trim(lines[7]) == "ready";
  return out;
}

std::vector<pid_t> processes_in(const fs::path& cluster) {
  std::vector<pid_t> out;
  struct stat home {};
  if (::stat(cluster.c_str(), &home) != 0) return out;
  std::error_code ec;
  for (fs::directory_iterator it("/proc", ec), end; !ec && it != end; it.increment(ec)) {
    auto pid = to_integer(it->path().filename().string());
    if (!pid) continue;
    struct stat cwd {};
    if (::stat((it->path() / "cwd").c_str(), &cwd) != 0) continue;  // zombies have none
    if (cwd.st_dev != home.st_dev || cwd.st_ino != home.st_ino) continue;
    if (word_from(it->path() / "comm") != "postgres" || is_zombie(it->path())) continue;
    out.push_back(static_cast<pid_t>(*pid));
  }
  return out;
}

std::optional<error> clear_earlier(const fs::path& cluster, const fs::path& socket, pid_t started_by_us) {
  clock::time_point began = clock::now();
  bool told = false;
  while (true) {
    std::vector<pid_t> live = processes_in(cluster);
    if (live.empty()) {
      remove_leftovers(cluster, socket);
      return std::nullopt;
    }
    auto waited = clock::now() - began;
    std::optional<pid_file> file = read_pid_file(cluster);
    bool server_lives = file && std::find(live.begin(), live.end(), file->pid) != live.end();
    if (server_lives && waited > server_give_up_after) {
      return error{"postgres", "another PostgreSQL (process " + std::to_string(file->pid) + ") works in " + cluster.string()};
    }
    if (server_lives && waited > server_hurry_after && file->pid == started_by_us && !told) {
      ::kill(file->pid, SIGQUIT);  // immediate shutdown; the log has everything
      told = true;
    }
    if (!server_lives && waited > children_kill_after) {
      for (pid_t p : live) ::kill(p, SIGKILL);
    } else if (!server_lives && waited > children_quit_after && !told) {
      for (pid_t p : live) ::kill(p, SIGQUIT);
      told = true;
    }
    std::this_thread::sleep_for(5ms);
  }
}

}  // namespace carrel::postgres
