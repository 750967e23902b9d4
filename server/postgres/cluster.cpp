#include "server/postgres/cluster.hpp"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <cstring>
#include <fstream>
#include <mutex>
#include <thread>

#include "server/core/log.hpp"
#include "server/core/text.hpp"
#include "server/postgres/binaries.hpp"
#include "server/postgres/create.hpp"
#include "server/postgres/file_lock.hpp"
#include "server/postgres/keeper.hpp"
#include "server/postgres/layout.hpp"
#include "server/postgres/stale.hpp"

namespace carrel::postgres {
namespace fs = std::filesystem;
namespace {

using namespace std::chrono_literals;
using clock = std::chrono::steady_clock;

constexpr auto others_patience = 30s;  // for a server that somebody else starts
constexpr auto start_patience = 120s;  // redo after a crash included
constexpr auto fast_stop_patience = 30s;
constexpr auto immediate_stop_patience = 15s;
constexpr auto users_patience = 5s;  // for commands that still work when the owner ends
constexpr std::uintmax_t log_limit = 10ULL << 20;

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

void rotate(const fs::path& log) {
  std::error_code ec;
  if (fs::file_size(log, ec) <= log_limit || ec) return;
  fs::path old = log;
  old += ".1";
  fs::rename(log, old, ec);
}

std::string text_after(const fs::path& file, std::uintmax_t offset) {
  std::ifstream in(file, std::ios::binary);
  in.seekg(static_cast<std::streamoff>(offset));
  return std::string((std::istreambuf_iterator<char>(in)), {});
}

error start_failure(const std::string& said, const fs::path& log) {
  std::string reason;
  for (const std::string& line : split(said, '\n')) {
    for (const char* severity : {"FATAL:", "PANIC:"}) {
      std::size_t at = line.find(severity);
      if (at != std::string::npos && reason.empty()) reason = line.substr(at);
    }
  }
  if (reason.empty()) reason = "it ended without a word";
  std::string field = said.find("No space left on device") == std::string::npos ? "postgres" : "disk";
  return error{field, "PostgreSQL did not start: " + reason + " (more in " + log.string() + ")"};
}

std::optional<error> check_folder(const fs::path& data) {
  if (::geteuid() == 0) {
    return error{"postgres", "PostgreSQL refuses to run as root; start Carrel as another user, or let it change to one"};
  }
  std::error_code ec;
  fs::create_directories(data, ec);
  if (ec) return error{"data", data.string() + " cannot be made: " + ec.message()};
  if (::access(data.c_str(), R_OK | W_OK | X_OK) != 0) {
    result<std::string> user = user_name();
    return error{"data", data.string() + " is not writable for user " + (user ? *user : std::to_string(::geteuid()))};
  }
  return std::nullopt;
}

}  // namespace

struct cluster::state {
  explicit state(const fs::path& data) : where(data), lock(where.lock), users(where.users) {}

  const layout where;
  file_lock lock;
  file_lock users;
  fs::path socket_folder;
  std::string url;

  mutable std::mutex mutex;
  bool owner = false;
  bool stopped = false;
  keeper server;  // owner

  std::optional<error> join();
  std::optional<error> start();
  std::optional<error> start_in(const fs::path& folder);
  void remove_far_folder(const fs::path& folder) const;
  std::optional<error> wait_until_ready(std::uintmax_t log_offset);
  bool use_running();
  bool alive() const { return owner ? server.pid() != 0 : answers(socket_in(socket_folder)); }
  void stop();
};

// Becomes the owner, or finds somebody else's server ready.
std::optional<error> cluster::state::join() {
  if (!lock.open() || !users.open()) return error{"data", where.lock.string() + " cannot be opened"};
  clock::time_point until = clock::now() + others_patience;
  while (true) {
    if (lock.try_exclusive()) {
      owner = true;
      std::optional<error> bad = start();
      if (bad) {
        owner = false;
        lock.unlock();
      }
      return bad;
    }
    if (use_running()) return std::nullopt;
    if (clock::now() > until) {
      return error{"postgres", "another process holds " + where.lock.string() + " but its PostgreSQL does not get ready"};
    }
    std::this_thread::sleep_for(10ms);
  }
}

// The shared lock comes first: an owner who wants to stop waits for it, and while it stops there is none to be had.
bool cluster::state::use_running() {
  if (!users.try_shared()) return false;
  std::optional<pid_file> file = read_pid_file(where.cluster);
  if (file && file->ready && ::kill(file->pid, 0) == 0 && answers(socket_in(file->socket_folder))) {
    socket_folder = file->socket_folder;
    url = url_for(socket_folder);
    return true;
  }
  users.unlock();
  return false;
}

std::optional<error> cluster::state::start() {
  result<fs::path> folder = ::carrel::postgres::socket_folder(where);
  if (!folder) return folder.error();
  if (auto bad = start_in(*folder)) {
    remove_far_folder(*folder);
    return bad;
  }
  socket_folder = *folder;
  url = url_for(socket_folder);
  return std::nullopt;
}

// One outside of the data directory is not left lying about.
void cluster::state::remove_far_folder(const fs::path& folder) const {
  std::error_code ec;
  if (folder.parent_path() != where.data) fs::remove(folder, ec);
}

std::optional<error> cluster::state::start_in(const fs::path& folder) {
  std::error_code ec;
  if (!fs::exists(where.cluster, ec)) {
    result<fs::path> newest = find_binaries();
    if (!newest) return newest.error();
    if (auto bad = create_cluster(where, *newest)) return bad;
  }
  result<fs::path> binaries = binaries_for(where.cluster);
  if (!binaries) return binaries.error();
  auto earlier = to_integer(trim(lock.text()));
  if (auto bad = clear_earlier(where.cluster, socket_in(folder), static_cast<pid_t>(earlier.value_or(0)))) return bad;
  if (auto bad = write_settings(where.cluster, folder)) return bad;

  rotate(where.log);
  std::uintmax_t log_offset = fs::file_size(where.log, ec);
  if (ec) log_offset = 0;
  std::vector<std::string> argv{(*binaries / "postgres").string(), "-D", where.cluster.string()};
  if (auto bad = server.start(std::move(argv), where.cluster, where.log)) return bad;
  lock.set_text(std::to_string(server.pid()) + "\n");
  if (auto bad = wait_until_ready(log_offset)) return bad;
  users.try_shared();
  return std::nullopt;
}

std::optional<error> cluster::state::wait_until_ready(std::uintmax_t log_offset) {
  clock::time_point until = clock::now() + start_patience;
  while (true) {
    pid_t pid = server.pid();
    if (pid == 0) return start_failure(text_after(where.log, log_offset), where.log);
    std::optional<pid_file> file = read_pid_file(where.cluster);
    if (file && file->pid == pid && file->ready) return std::nullopt;
    if (clock::now() > until) {
      server.signal(SIGQUIT);
      server.wait(immediate_stop_patience);
      return error{"postgres", "PostgreSQL did not get ready in two minutes (see " + where.log.string() + ")"};
    }
    server.wait(5ms);
  }
}

void cluster::state::stop() {
  std::lock_guard hold(mutex);
  if (stopped) return;
  stopped = true;
  users.unlock();
  if (!owner) return;
  clock::time_point until = clock::now() + users_patience;
  while (!users.try_exclusive() && clock::now() < until) std::this_thread::sleep_for(10ms);
  server.signal(SIGINT);
  if (!server.wait(fast_stop_patience)) {
    log::warn("postgres.slow_stop", {{"cluster", where.cluster.string()}});
    server.signal(SIGQUIT);
    if (!server.wait(immediate_stop_patience)) server.signal(SIGKILL);
    server.wait(immediate_stop_patience);
  }
  remove_far_folder(socket_folder);
  lock.set_text("");
  lock.unlock();
  users.unlock();
}

cluster::cluster(std::unique_ptr<state> s) : state_(std::move(s)) {}

cluster::~cluster() { stop(); }

result<std::unique_ptr<cluster>> cluster::open(const fs::path& data_dir) {
  std::error_code ec;
  fs::path data = fs::absolute(data_dir, ec).lexically_normal();
  if (!data.has_filename()) data = data.parent_path();
  if (auto bad = check_folder(data)) return *bad;
  auto s = std::make_unique<state>(data);
  if (auto bad = s->join()) return *bad;
  return std::unique_ptr<cluster>(new cluster(std::move(s)));
}

const std::string& cluster::url() const { return state_->url; }

bool cluster::owner() const {
  std::lock_guard hold(state_->mutex);
  return state_->owner;
}

bool cluster::alive() const {
  std::lock_guard hold(state_->mutex);
  return !state_->stopped && state_->alive();
}

std::optional<error> cluster::restart_if_dead() {
  state& s = *state_;
  std::lock_guard hold(s.mutex);
  if (s.stopped || s.alive()) return std::nullopt;
  log::warn("postgres.dead", {{"cluster", s.where.cluster.string()}});
  if (s.owner) return s.start();
  std::string before = s.url;
  s.users.unlock();
  if (auto bad = s.join()) return bad;
  if (s.url == before) return std::nullopt;
  return error{"postgres", "the cluster's socket has moved; Carrel has to be started again"};
}

void cluster::stop() { state_->stop(); }

}  // namespace carrel::postgres
