#include "server/postgres/process.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <string_view>

namespace carrel::postgres {
namespace {

error system_error(const std::string& what) { return error{"system", what + ": " + std::strerror(errno)}; }

class file {
 public:
  explicit file(int fd) : fd_(fd) {}
  ~file() { close(); }
  file(const file&) = delete;
  file& operator=(const file&) = delete;
  int fd() const { return fd_; }
  void close() {
    if (fd_ >= 0) ::close(fd_);
    fd_ = -1;
  }

 private:
  int fd_;
};

std::string read_all(int fd) {
  std::string out;
  char buffer[4096];
  while (true) {
    ssize_t n = ::read(fd, buffer, sizeof buffer);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return out;
    out.append(buffer, static_cast<std::size_t>(n));
  }
}

// What would change where the database looks or how it writes, and what was said to this process alone: by systemd, and
// Carrel's own settings.
constexpr std::array<std::string_view, 8> not_for_children{
    "PG", "LC_", "LANG", "TZ=", "NOTIFY_SOCKET=", "WATCHDOG_", "LISTEN_", "CARREL_"};

bool for_children(std::string_view variable) {
  return std::none_of(not_for_children.begin(), not_for_children.end(),
                      [&](std::string_view prefix) { return variable.starts_with(prefix); });
}

}  // namespace

prepared_child::prepared_child(const std::vector<std::string>& argv, const std::filesystem::path& folder)
    : arguments_(argv), folder_(folder.string()) {
  for (char** e = environ; *e != nullptr; ++e) {
    if (for_children(*e)) environment_.emplace_back(*e);
  }
  environment_.emplace_back("LC_ALL=C.UTF-8");
  environment_.emplace_back("TZ=UTC");  // spares initdb a walk through all time zones
  for (std::string& a : arguments_) argument_pointers_.push_back(a.data());
  for (std::string& e : environment_) environment_pointers_.push_back(e.data());
  argument_pointers_.push_back(nullptr);
  environment_pointers_.push_back(nullptr);
}

pid_t prepared_child::fork_and_run(int input, int output, bool own_group, int farewell) {
  pid_t parent = ::getpid();
  pid_t child = ::fork();
  if (child != 0) return child;
  sigset_t none;
  sigemptyset(&none);
  for (int s : {SIGPIPE, SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGCHLD}) ::signal(s, SIG_DFL);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  ::prctl(PR_SET_PDEATHSIG, farewell);
  if (farewell != 0 && ::getppid() != parent) ::_exit(126);  // it died before the line above
  if (own_group) ::setpgid(0, 0);
  if (::dup2(input, 0) < 0 || ::dup2(output, 1) < 0 || ::dup2(output, 2) < 0) ::_exit(126);
  ::close_range(3, ~0U, 0);
  if (::chdir(folder_.c_str()) != 0) ::_exit(126);
  ::umask(0077);
  ::execve(argument_pointers_[0], argument_pointers_.data(), environment_pointers_.data());
  ::_exit(127);
}

result<finished_command> run_command(const std::vector<std::string>& argv, const std::filesystem::path& folder,
                                     std::string_view input) {
  file in(::memfd_create("carrel-input", MFD_CLOEXEC));
  if (in.fd() < 0 || ::pwrite(in.fd(), input.data(), input.size(), 0) != static_cast<ssize_t>(input.size())) {
    return system_error("memfd");
  }
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return system_error("pipe");
  file from_child(ends[0]);
  file to_us(ends[1]);
  prepared_child child(argv, folder);
  pid_t pid = child.fork_and_run(in.fd(), to_us.fd(), false, SIGKILL);
  if (pid < 0) return system_error("fork");
  to_us.close();

  finished_command out;
  out.output = read_all(from_child.fd());
  int status = 0;
  while (::waitpid(pid, &status, 0) < 0) {
    if (errno != EINTR) return system_error("waitpid");
  }
  out.status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  return out;
}

}  // namespace carrel::postgres
