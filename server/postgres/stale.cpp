#include "server/postgres/stale.hpp"

#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <fstream>
#include <thread>

#include "server/core/log.hpp"
#include "server/core/text.hpp"
#include "server/postgres/layout.hpp"

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

bool lives_in(const fs::path& cluster, pid_t pid) {
  struct stat home {};
  struct stat cwd {};
  fs::path process = fs::path("/proc") / std::to_string(pid);
  if (pid <= 0 || ::stat(cluster.c_str(), &home) != 0) return false;
  if (::stat((process / "cwd").c_str(), &cwd) != 0) return false;  // zombies have none
  if (cwd.st_dev != home.st_dev || cwd.st_ino != home.st_ino) return false;
  return word_from(process / "comm") == "postgres" && !is_zombie(process);
}

std::vector<pid_t> processes_in(const fs::path& cluster) {
  std::vector<pid_t> out;
  std::error_code ec;
  for (fs::directory_iterator it("/proc", ec), end; !ec && it != end; it.increment(ec)) {
    auto pid = to_integer(it->path().filename().string());
    if (pid && lives_in(cluster, static_cast<pid_t>(*pid))) out.push_back(static_cast<pid_t>(*pid));
  }
  return out;
}

bool answers(const fs::path& socket) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::string path = socket.string();
  if (path.size() >= sizeof address.sun_path) return false;
  std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
  int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0) return false;
  bool connected = ::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
  bool full = !connected && errno == EAGAIN;  // a full backlog is a server, too
  ::close(fd);
  return connected || full;
}

result<std::optional<pid_file>> find_earlier(const fs::path& cluster, const fs::path& socket, pid_t started_by_us) {
  clock::time_point began = clock::now();
  bool told = false;
  while (true) {
    std::vector<pid_t> live = processes_in(cluster);
    if (live.empty()) {
      remove_leftovers(cluster, socket);
      return std::optional<pid_file>();
    }
    auto waited = clock::now() - began;
    std::optional<pid_file> file = read_pid_file(cluster);
    bool server_lives = file && std::find(live.begin(), live.end(), file->pid) != live.end();
    bool ours = server_lives && file->pid == started_by_us;
    if (ours && file->ready && answers(socket_in(file->socket_folder))) return file;
    if (server_lives && waited > server_give_up_after) {
      return error{"postgres", "another PostgreSQL (process " + std::to_string(file->pid) + ") works in " + cluster.string()};
    }
    if (ours && waited > server_hurry_after && !told) {
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
