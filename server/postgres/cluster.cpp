#include "server/postgres/cluster.hpp"

#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <fstream>
#include <mutex>
#include <thread>
#include <utility>

#include "server/core/log.hpp"
#include "server/core/text.hpp"
#include "server/postgres/binaries.hpp"
#include "server/postgres/create.hpp"
#include "server/postgres/file_lock.hpp"
#include "server/postgres/layout.hpp"
#include "server/postgres/minder.hpp"
#include "server/postgres/stale.hpp"

namespace carrel::postgres {
namespace fs = std::filesystem;
namespace {

using namespace std::chrono_literals;
using clock = std::chrono::steady_clock;

constexpr auto others_patience = 60s;  // for a server that somebody else starts or stops
constexpr auto start_patience = 120s;  // redo after a crash included
constexpr auto fast_stop_patience = 30s;
constexpr auto immediate_stop_patience = 15s;
constexpr auto lock_patience = 1s;  // for the minder, once its server has ended
constexpr auto look_again = 2ms;
constexpr std::uintmax_t log_limit = 10ULL << 20;

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
  ~state() { reap(); }

  const layout where;
  file_lock lock;
  file_lock users;
  fs::path socket_folder;
  std::string url;

  mutable std::mutex mutex;
  bool joined = false;
  bool stopped = false;
  bool starter = false;
  pid_t server = 0;
  pid_t minder = 0;  // our child, when we started it

  std::optional<error> join();
  std::optional<error> take_over();
  std::optional<error> start();
  std::optional<error> start_in(const fs::path& folder);
  std::optional<error> mind(const minder_order&);
  fs::path far_folder(const fs::path& folder) const;
  std::optional<error> wait_until_ready(std::uintmax_t log_offset);
  bool use_running();
  bool alive() const { return lives_in(where.cluster, server); }
  void reap();
  void stop();
  void stop_server();
  bool ended_within(std::chrono::seconds) const;
};

template <class Condition>
bool eventually(Condition holds, clock::duration patience) {
  clock::time_point until = clock::now() + patience;
  while (!holds()) {
    if (clock::now() > until) return false;
    std::this_thread::sleep_for(look_again);
  }
  return true;
}

// Starts the server, or finds the one of somebody else ready.
std::optional<error> cluster::state::join() {
  if (!lock.open() || !users.open()) return error{"data", where.lock.string() + " cannot be opened"};
  bool free = false;
  if (!eventually([&] { return (free = lock.try_exclusive()) || use_running(); }, others_patience)) {
    return error{"postgres", "another process holds " + where.lock.string() + " but its PostgreSQL does not get ready"};
  }
  return free ? take_over() : std::nullopt;
}

// With pg.lock held. Afterwards the minder has it; or nobody, when this failed.
std::optional<error> cluster::state::take_over() {
  std::optional<error> bad;
  // Who has stopped the server holds pg.users for itself for a moment still.
  if (eventually([&] { return users.try_shared(); }, others_patience))
    bad = start();
  else
    bad = error{"postgres", "another process holds " + where.users.string() + " and does not let it go"};
  lock.leave_to_child();
  if (bad) users.unlock();
  return bad;
}

// The shared lock comes first: who stops the server holds it exclusively, and whoever has it shared keeps it up.
bool cluster::state::use_running() {
  if (!users.try_shared()) return false;
  std::optional<pid_file> file = read_pid_file(where.cluster);
  if (file && file->ready && lives_in(where.cluster, file->pid) && answers(socket_in(file->socket_folder))) {
    server = file->pid;
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
    std::error_code ec;
    if (fs::path far = far_folder(*folder); !far.empty()) fs::remove(far, ec);
    return bad;
  }
  url = url_for(socket_folder);
  return std::nullopt;
}

// One outside of the data directory is not left lying about.
fs::path cluster::state::far_folder(const fs::path& folder) const {
  return folder.parent_path() == where.data ? fs::path() : folder;
}

std::optional<error> cluster::state::start_in(const fs::path& folder) {
  std::error_code ec;
  if (!fs::exists(where.cluster, ec)) {
    result<fs::path> newest = find_binaries();
    if (!newest) return newest.error();
    if (auto bad = create_cluster(where, *newest)) return bad;
  }
  minder_order order{.cluster = where.cluster, .users = where.users, .log = where.log, .far_folder = {}, .argv = {}};
  auto started_by_us = static_cast<pid_t>(to_integer(trim(lock.text())).value_or(0));
  result<std::optional<pid_file>> earlier = find_earlier(where.cluster, socket_in(folder), started_by_us);
  if (!earlier) return earlier.error();
  if (*earlier) {
    socket_folder = (*earlier)->socket_folder;
    order.far_folder = far_folder(socket_folder);
    order.adopted = (*earlier)->pid;
    return mind(order);
  }

  result<fs::path> binaries = binaries_for(where.cluster);
  if (!binaries) return binaries.error();
  if (auto bad = write_settings(where.cluster, folder)) return bad;
  rotate(where.log);
  std::uintmax_t log_offset = fs::file_size(where.log, ec);
  if (ec) log_offset = 0;
  socket_folder = folder;
  order.far_folder = far_folder(folder);
  order.argv = {(*binaries / "postgres").string(), "-D", where.cluster.string()};
  if (auto bad = mind(order)) return bad;
  starter = true;
  return wait_until_ready(log_offset);
}

std::optional<error> cluster::state::mind(const minder_order& order) {
  reap();
  result<minding> begun = start_minder(order, lock.descriptor());
  if (!begun) return begun.error();
  minder = begun->minder;
  server = begun->server;
  lock.set_text(std::to_string(server) + "\n");
  return std::nullopt;
}

std::optional<error> cluster::state::wait_until_ready(std::uintmax_t log_offset) {
  bool gone = false;
  auto ready = [&] {
    std::optional<pid_file> file = read_pid_file(where.cluster);
    return file && file->pid == server && file->ready;
  };
  auto decided = [&] { return ready() || (gone = ::kill(server, 0) != 0); };  // its minder buries it
  if (!eventually(decided, start_patience)) {
    ::kill(server, SIGQUIT);
    ended_within(immediate_stop_patience);
    return error{"postgres", "PostgreSQL did not get ready in two minutes (see " + where.log.string() + ")"};
  }
  return gone ? std::optional(start_failure(text_after(where.log, log_offset), where.log)) : std::nullopt;
}

void cluster::state::reap() {
  if (minder != 0 && ::waitpid(minder, nullptr, WNOHANG) != 0) minder = 0;
}

// While others use the server, it stays. The last one to leave waits for its end, whoever brings that about: the minder, this,
// or somebody else who has left just now.
void cluster::state::stop() {
  std::lock_guard hold(mutex);
  if (std::exchange(stopped, true) || !joined) return;
  users.unlock();
  bool alone = false;
  auto decided = [&] { return (alone = users.try_exclusive()) || users.try_shared(); };
  if (!eventually(decided, others_patience)) return;
  if (alone) stop_server();
  users.unlock();
  if (alone && eventually([&] { return lock.try_exclusive(); }, lock_patience)) lock.unlock();
}

void cluster::state::stop_server() {
  if (!alive()) return;
  ::kill(server, SIGINT);
  if (ended_within(fast_stop_patience)) return;
  log::warn("postgres.slow_stop", {{"cluster", where.cluster.string()}});
  ::kill(server, SIGQUIT);
  if (ended_within(immediate_stop_patience)) return;
  ::kill(server, SIGKILL);
  ended_within(immediate_stop_patience);
}

bool cluster::state::ended_within(std::chrono::seconds patience) const {
  return eventually([&] { return !alive(); }, patience);
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
  s->joined = true;
  return std::unique_ptr<cluster>(new cluster(std::move(s)));
}

const std::string& cluster::url() const { return state_->url; }

bool cluster::starter() const {
  std::lock_guard hold(state_->mutex);
  return state_->starter;
}

bool cluster::alive() const {
  std::lock_guard hold(state_->mutex);
  return !state_->stopped && state_->alive();
}

std::optional<error> cluster::look_after() {
  state& s = *state_;
  std::lock_guard hold(s.mutex);
  if (s.stopped) return std::nullopt;
  s.reap();
  std::string before = s.url;
  bool free = s.lock.try_exclusive();
  bool dead = !s.alive();
  // Its minder lets go of the lock in a moment; or somebody else starts it just now.
  if (dead && !free) eventually([&] { return (free = s.lock.try_exclusive()) || s.use_running(); }, lock_patience);
  if (free) {
    log::warn(dead ? "postgres.dead" : "postgres.unminded", {{"cluster", s.where.cluster.string()}});
    if (auto bad = s.take_over()) return bad;
  }
  if (s.url == before) return std::nullopt;
  return error{"postgres", "the cluster's socket has moved; Carrel has to be started again"};
}

void cluster::stop() { state_->stop(); }

}  // namespace carrel::postgres
