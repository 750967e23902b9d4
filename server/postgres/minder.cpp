#include "server/postgres/minder.hpp"

#include <fcntl.h>
#include <linux/capability.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdint>
#include <cstring>
#include <ctime>

#include "server/postgres/process.hpp"

namespace carrel::postgres {
namespace {

constexpr int fast_stop_seconds = 30;
constexpr int immediate_stop_seconds = 15;

// Everything here is called between fork and exit of a process that may have had other threads: system calls only, on
// what was prepared before.
struct prepared_minder {
  prepared_child* child = nullptr;  // none when the server is adopted
  int lock = -1;
  int report = -1;
  int nothing = -1;
  int log = -1;
  std::string users;
  std::string far_folder;
  std::string server_folder;  // /proc/N/cwd of an adopted one
  struct stat cluster {};
  pid_t server = 0;
};

prepared_minder* mine = nullptr;  // for the handlers

[[noreturn]] void leave() {
  if (!mine->far_folder.empty()) ::rmdir(mine->far_folder.c_str());
  ::_exit(0);
}

bool server_lives() {
  if (mine->child != nullptr) return ::waitpid(mine->server, nullptr, WNOHANG) == 0;
  struct stat now {};
  return ::stat(mine->server_folder.c_str(), &now) == 0 && now.st_dev == mine->cluster.st_dev &&
         now.st_ino == mine->cluster.st_ino;
}

void look(int) {
  int kept = errno;
  if (!server_lives()) leave();
  errno = kept;
}

// Rights of an administrator's command (privileges.cpp) are not for keeping.
void give_up_rights() {
  __user_cap_header_struct header{.version = _LINUX_CAPABILITY_VERSION_3, .pid = 0};
  __user_cap_data_struct none[2] = {};
  ::syscall(SYS_capset, &header, none);
}

void close_all_but(std::array<int, 4> kept) {
  std::sort(kept.begin(), kept.end());
  unsigned next = 3;
  for (int fd : kept) {
    if (fd < 3) continue;
    auto number = static_cast<unsigned>(fd);
    if (number > next) ::close_range(next, number - 1, 0);
    next = number + 1;
  }
  ::close_range(next, ~0U, 0);
}

void start_server() {
  if (mine->child != nullptr) mine->server = mine->child->fork_and_run(mine->nothing, mine->log, true, 0);
  std::int64_t word = mine->server > 0 ? mine->server : -errno;
  (void)!::write(mine->report, &word, sizeof word);
  if (mine->server <= 0) ::_exit(1);
  ::close(mine->report);
  if (mine->log >= 0) ::close(mine->log);
}

bool ends_within(int seconds) {
  constexpr timespec moment{.tv_sec = 0, .tv_nsec = 5'000'000};
  for (int i = 0; i < seconds * 200; ++i) {
    if (!server_lives()) return true;
    ::nanosleep(&moment, nullptr);
  }
  return false;
}

void stop_server() {
  ::kill(mine->server, SIGINT);
  if (ends_within(fast_stop_seconds)) return;
  ::kill(mine->server, SIGQUIT);
  if (ends_within(immediate_stop_seconds)) return;
  ::kill(mine->server, SIGKILL);
  ends_within(immediate_stop_seconds);
}

[[noreturn]] void mind() {
  ::setsid();
  ::prctl(PR_SET_NAME, "carrel-pg");
  give_up_rights();
  for (int fd : {0, 1, 2}) ::dup2(mine->nothing, fd);
  close_all_but({mine->lock, mine->report, mine->nothing, mine->log});
  if (::chdir("/") != 0) ::_exit(1);
  int users = ::open(mine->users.c_str(), O_RDWR | O_CLOEXEC);
  start_server();

  // All signals stay blocked but those that tell of the server's end. An adopted one is not a child: it is looked at.
  struct sigaction action {};
  action.sa_handler = look;
  ::sigaction(SIGCHLD, &action, nullptr);
  ::sigaction(SIGALRM, &action, nullptr);
  sigset_t wanted;
  sigemptyset(&wanted);
  sigaddset(&wanted, SIGCHLD);
  sigaddset(&wanted, SIGALRM);
  ::sigprocmask(SIG_UNBLOCK, &wanted, nullptr);
  look(0);
  constexpr itimerval each_second{.it_interval = {.tv_sec = 1, .tv_usec = 0}, .it_value = {.tv_sec = 1, .tv_usec = 0}};
  if (mine->child == nullptr) ::setitimer(ITIMER_REAL, &each_second, nullptr);

  while (users >= 0 && ::flock(users, LOCK_EX) != 0) {
    constexpr timespec pause{.tv_sec = 1, .tv_nsec = 0};
    if (errno != EINTR) ::nanosleep(&pause, nullptr);
  }
  ::sigprocmask(SIG_BLOCK, &wanted, nullptr);
  stop_server();
  (void)!::ftruncate(mine->lock, 0);
  leave();
}

class owned_descriptor {
 public:
  explicit owned_descriptor(int fd) : fd_(fd) {}
  ~owned_descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  owned_descriptor(const owned_descriptor&) = delete;
  owned_descriptor& operator=(const owned_descriptor&) = delete;
  int get() const { return fd_; }

 private:
  int fd_;
};

// What the minder says about the server: its number, or an errno below zero.
result<pid_t> heard(int from) {
  std::int64_t word = 0;
  ssize_t n = 0;
  while ((n = ::read(from, &word, sizeof word)) < 0 && errno == EINTR) {
  }
  if (n != sizeof word) return error{"system", "the process that minds PostgreSQL ended"};
  if (word < 0) return error{"system", std::string("fork: ") + std::strerror(static_cast<int>(-word))};
  return static_cast<pid_t>(word);
}

}  // namespace

result<minding> start_minder(const minder_order& order, int lock) {
  owned_descriptor nothing(::open("/dev/null", O_RDWR | O_CLOEXEC));
  if (nothing.get() < 0) return error{"system", std::string("/dev/null: ") + std::strerror(errno)};
  owned_descriptor log(order.adopted != 0 ? -1 : ::open(order.log.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600));
  if (order.adopted == 0 && log.get() < 0) return error{"postgres", order.log.string() + ": " + std::strerror(errno)};
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return error{"system", std::string("pipe: ") + std::strerror(errno)};
  owned_descriptor from_minder(ends[0]);
  pid_t pid = 0;
  {
    owned_descriptor to_us(ends[1]);
    prepared_child child(order.argv, order.cluster);
    prepared_minder prepared{.child = order.adopted == 0 ? &child : nullptr,
                             .lock = lock,
                             .report = to_us.get(),
                             .nothing = nothing.get(),
                             .log = log.get(),
                             .users = order.users.string(),
                             .far_folder = order.far_folder.string(),
                             .server_folder = "/proc/" + std::to_string(order.adopted) + "/cwd",
                             .server = order.adopted};
    if (::stat(order.cluster.c_str(), &prepared.cluster) != 0) {
      return error{"postgres", order.cluster.string() + ": " + std::strerror(errno)};
    }
    sigset_t all;
    sigset_t before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    pid = ::fork();
    if (pid == 0) {
      mine = &prepared;
      mind();
    }
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
    if (pid < 0) return error{"system", std::string("fork: ") + std::strerror(errno)};
  }
  result<pid_t> server = heard(from_minder.get());
  if (!server) {
    ::waitpid(pid, nullptr, 0);
    return server.error();
  }
  return minding{.minder = pid, .server = *server};
}

}  // namespace carrel::postgres
