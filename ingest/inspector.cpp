#include "ingest/inspector.hpp"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <condition_variable>
#include <cstring>
#include <mutex>
#include <optional>
#include <thread>

#include "ingest/inspector_protocol.hpp"
#include "publication/transport.hpp"
#include "server/core/log.hpp"

namespace carrel::ingest {
namespace {

constexpr unsigned files_per_child = 200;
constexpr std::uint64_t resident_limit = 256ULL << 20;

using publication::refusal;

struct child {
  pid_t pid = -1;
  int socket = -1;
  unsigned files = 0;
  bool worn = false;
};

std::optional<child> spawn_child(const std::vector<std::string>& command) {
  int pair[2];
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0) return std::nullopt;
  // dup2 onto the same number would keep close-on-exec, so the child's end must not be 3 already.
  int theirs = ::fcntl(pair[1], F_DUPFD_CLOEXEC, 10);
  ::close(pair[1]);
  posix_spawn_file_actions_t actions;
  ::posix_spawn_file_actions_init(&actions);
  ::posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
  ::posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0);
  ::posix_spawn_file_actions_adddup2(&actions, theirs, child_socket);
  posix_spawnattr_t attributes;
  ::posix_spawnattr_init(&attributes);
  sigset_t none;
  sigemptyset(&none);
  ::posix_spawnattr_setsigmask(&attributes, &none);
  // A group of its own: Ctrl-C at a terminal ends the server, which then ends its children.
  ::posix_spawnattr_setpgroup(&attributes, 0);
  ::posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETPGROUP);
  std::vector<char*> arguments;
  arguments.reserve(command.size() + 1);
  for (const std::string& part : command) arguments.push_back(const_cast<char*>(part.c_str()));
  arguments.push_back(nullptr);
  char* no_environment[] = {nullptr};
  child out;
  int failed = ::posix_spawn(&out.pid, command.front().c_str(), &actions, &attributes, arguments.data(), no_environment);
  ::posix_spawnattr_destroy(&attributes);
  ::posix_spawn_file_actions_destroy(&actions);
  ::close(theirs);
  if (failed != 0) {
    ::close(pair[0]);
    log::error("ingest.inspector", {{"error", std::strerror(failed)}});
    return std::nullopt;
  }
  out.socket = pair[0];
  return out;
}

// Waits for the end; how it ended says whether a limit was reached.
refusal end_child(child& c, bool late) {
  if (late) ::kill(c.pid, SIGKILL);
  ::close(c.socket);
  int status = 0;
  while (::waitpid(c.pid, &status, 0) < 0 && errno == EINTR) {
  }
  if (late) return {"inspection_limit", "time"};
  if (WIFSIGNALED(status) && WTERMSIG(status) == SIGXCPU) return {"inspection_limit", "processor time"};
  if (WIFSIGNALED(status) && WTERMSIG(status) == SIGTRAP) return {"inspection_limit", "memory"};  // so ends GLib without memory
  if (WIFSIGNALED(status)) return {"inspection_crash", "signal " + std::to_string(WTERMSIG(status))};
  return {"inspection_crash", "status " + std::to_string(WEXITSTATUS(status))};
}

result<inspection, refusal> read_answer(const std::string& text, std::string cover, std::vector<thumbnail> thumbnails) {
  result<publication::opened, refusal> about = publication::from_json(text);
  if (!about) return about.error();
  inspection out{std::move(*about), std::move(thumbnails)};
  if (out.about.cover) out.about.cover->bytes = std::move(cover);
  if (out.about.cover && out.about.cover->bytes.empty()) out.about.cover.reset();
  return out;
}

}  // namespace

struct inspector_pool::state {
  explicit state(inspector_options o) : how(std::move(o)), keeper([this] { keep(); }) {}

  // Children get a signal when the thread that made them ends, so one thread that lives as long as the pool makes them all.
  void keep() {
    std::unique_lock guard(mutex);
    for (;;) {
      changed.wait(guard, [&] { return closing || wanted > 0; });
      if (closing) return;
      guard.unlock();
      std::optional<child> made = spawn_child(how.command);
      guard.lock();
      --wanted;
      if (made)
        idle.push_back(*made);
      else {
        --living;
        ++spawn_failures;
      }
      changed.notify_all();
    }
  }

  std::optional<child> take() {
    std::unique_lock guard(mutex);
    std::uint64_t failures = spawn_failures;
    for (;;) {
      if (!idle.empty()) {
        child c = idle.back();
        idle.pop_back();
        return c;
      }
      if (living < how.processes) {
        ++living;
        ++wanted;
        changed.notify_all();
      }
      changed.wait(guard, [&] { return !idle.empty() || spawn_failures != failures || living < how.processes; });
      if (idle.empty() && spawn_failures != failures) return std::nullopt;
    }
  }

  void give_back(child c) {
    if (c.worn) {
      end_child(c, false);
      return lose();
    }
    std::lock_guard guard(mutex);
    idle.push_back(c);
    changed.notify_all();
  }

  void lose() {
    std::lock_guard guard(mutex);
    --living;
    changed.notify_all();
  }

  result<inspection, refusal> once(int descriptor, const std::string& name, bool& again) {
    std::optional<child> taken = take();
    if (!taken) return refusal{"inspection_crash", "no process could be started"};
    child c = *taken;
    deadline until = std::chrono::steady_clock::now() + 4 * how.cpu;
    request_head head{how.memory, static_cast<std::uint64_t>(how.cpu.count()), static_cast<std::uint32_t>(name.size())};
    answer_head reply;
    std::string text, cover;
    std::vector<thumbnail> thumbnails;
    io went = send_request(c.socket, head, descriptor, until);
    if (went == io::ok) went = send_all(c.socket, name.data(), name.size(), until);
    if (went == io::ok) went = receive_all(c.socket, &reply, sizeof reply, until);
    bool sane = reply.json_size <= publication::longest_transport && reply.cover_size <= longest_cover;
    for (std::uint32_t size : reply.thumbnail_size) sane = sane && size <= longest_thumbnail;
    auto part = [&](std::string& into, std::uint32_t size) {
      into.resize(size);
      if (went == io::ok && size > 0) went = receive_all(c.socket, into.data(), size, until);
    };
    if (went == io::ok && sane) {
      part(text, reply.json_size);
      part(cover, reply.cover_size);
      for (std::size_t i = 0; i < thumbnail_edges.size(); ++i) {
        if (reply.thumbnail_size[i] == 0) continue;
        thumbnails.push_back({thumbnail_edges[i], {}});
        part(thumbnails.back().jpeg, reply.thumbnail_size[i]);
      }
    }
    if (went != io::ok || !sane) {
      again = true;
      if (!sane) ::kill(c.pid, SIGKILL);
      refusal why = end_child(c, went == io::late);
      lose();
      log::warn("ingest.inspector", {{"code", why.code}, {"detail", why.detail}});
      return why;
    }
    c.worn = ++c.files >= files_per_child || reply.resident > resident_limit;
    result<inspection, refusal> out = read_answer(text, std::move(cover), std::move(thumbnails));
    if (!out && out.error().code == "inspection_limit" && out.error().detail == "memory") again = c.worn = true;
    give_back(c);
    return out;
  }

  inspector_options how;
  std::mutex mutex;
  std::condition_variable changed;
  std::vector<child> idle;
  unsigned living = 0, wanted = 0;
  std::uint64_t spawn_failures = 0;
  bool closing = false;
  std::thread keeper;
};

inspector_pool::inspector_pool(inspector_options o) : state_(std::make_unique<state>(std::move(o))) {}

inspector_pool::~inspector_pool() {
  {
    std::lock_guard guard(state_->mutex);
    state_->closing = true;
    state_->changed.notify_all();
  }
  state_->keeper.join();
  for (child& c : state_->idle) end_child(c, false);
}

result<inspection, refusal> inspector_pool::inspect(int descriptor, const std::string& file_name) {
  bool again = false;
  std::string name = file_name.substr(0, longest_name);
  result<inspection, refusal> out = state_->once(descriptor, name, again);
  if (again) out = state_->once(descriptor, name, again);
  return out;
}

}  // namespace carrel::ingest
