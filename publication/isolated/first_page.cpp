#include "publication/isolated/first_page.hpp"

#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <string>
#include <thread>
#include <vector>

#include "publication/isolated/sandbox.hpp"
#include "server/core/text.hpp"

namespace carrel::publication::isolated {
namespace {

namespace fs = std::filesystem;
constexpr int file_in_program = 3;

refusal not_drawn(std::string why) { return {"cover_missing", std::move(why)}; }

// Goes with everything in it.
class private_folder {
 public:
  private_folder() {
    std::error_code none;
    std::string pattern = (fs::temp_directory_path(none) / "carrel-page-XXXXXX").native();
    if (!none && ::mkdtemp(pattern.data()) != nullptr) path_ = pattern;
  }
  ~private_folder() {
    std::error_code ignored;
    if (!path_.empty()) fs::remove_all(path_, ignored);
  }
  private_folder(const private_folder&) = delete;
  private_folder& operator=(const private_folder&) = delete;
  const fs::path& path() const { return path_; }  // "" when it could not be made

 private:
  fs::path path_;
};

// What a new process needs, made before it exists: between fork and exec nothing may allocate.
struct start {
  std::vector<char*> arguments, environment;
  int file = -1, nothing = -1;
  program_limits limits;
};

[[noreturn]] void become(const start& s) {
  ::setpgid(0, 0);
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  for (int standard : {0, 1, 2}) ::dup2(s.nothing, standard);
  ::dup2(s.file, file_in_program);
  ::close_range(file_in_program + 1, ~0U, 0);
  enter_program_sandbox(s.limits);
  ::execve(s.arguments.front(), s.arguments.data(), s.environment.data());
  ::_exit(127);
}

// Ends the program and whatever it started, by then or at `until`, and tells how it ended; nullopt: it was late.
std::optional<int> wait_for(pid_t pid, std::chrono::steady_clock::time_point until) {
  bool late = false;
  // The process stays a zombie until its group has been ended, so that its number is nobody else's.
  for (std::chrono::milliseconds pause{1};; pause = std::min(2 * pause, std::chrono::milliseconds(20))) {
    siginfo_t ended{};
    if (::waitid(P_PID, static_cast<id_t>(pid), &ended, WEXITED | WNOHANG | WNOWAIT) != 0 || ended.si_pid == pid) break;
    late = std::chrono::steady_clock::now() >= until;
    if (late) break;
    std::this_thread::sleep_for(pause);
  }
  ::kill(-pid, SIGKILL);
  if (late) ::kill(pid, SIGKILL);  // before it has made its group
  int status = 0;
  while (::waitpid(pid, &status, 0) < 0 && errno == EINTR) {
  }
  return late ? std::nullopt : std::optional(status);
}

std::optional<refusal> run(const drawing& how, int descriptor, const fs::path& picture) {
  // Numbers that dup2 does not meet on its way to 0, 1, 2 and 3; it takes close-on-exec off.
  file source(::fcntl(descriptor, F_DUPFD_CLOEXEC, 10)), null(::open("/dev/null", O_RDWR | O_CLOEXEC));
  file nothing(::fcntl(null.get(), F_DUPFD_CLOEXEC, 10));
  if (!source || !nothing) return not_drawn("descriptors");
  const char* path = std::getenv("PATH");
  std::string environment = "PATH=" + std::string(path != nullptr ? path : "/usr/bin:/bin");
  // No name of the file reaches the program, which might take it for an option.
  std::vector<std::string> words{
      how.program.native(), "-f",   "1",     "-l",       "1",          "-singlefile",
      "-scale-to",          "1600", "-jpeg", "-jpegopt", "quality=90", "/proc/self/fd/" + std::to_string(file_in_program),
      picture.native()};
  start s;
  for (std::string& word : words) s.arguments.push_back(word.data());
  s.arguments.push_back(nullptr);
  s.environment = {environment.data(), nullptr};
  s.file = source.get();
  s.nothing = nothing.get();
  s.limits = {std::chrono::ceil<std::chrono::seconds>(how.cpu), how.memory, how.output};

  pid_t pid = ::fork();
  if (pid < 0) return not_drawn("no process");
  if (pid == 0) become(s);
  std::optional<int> status = wait_for(pid, std::chrono::steady_clock::now() + 4 * how.cpu);
  if (!status) return not_drawn("time");
  if (WIFSIGNALED(*status)) return not_drawn("signal " + std::to_string(WTERMSIG(*status)));
  if (WEXITSTATUS(*status) != 0) return not_drawn("status " + std::to_string(WEXITSTATUS(*status)));
  return std::nullopt;
}

fs::path find_along_path(const std::string& name) {
  const char* folders = std::getenv("PATH");
  for (const std::string& folder : split(folders != nullptr ? folders : "/usr/bin:/bin", ':')) {
    fs::path program = fs::path(folder) / name;
    std::error_code none;
    if (program.is_absolute() && fs::is_regular_file(program, none) && ::access(program.c_str(), X_OK) == 0) return program;
  }
  return {};
}

}  // namespace

const fs::path& pdftoppm() {
  static const fs::path found = find_along_path("pdftoppm");
  return found;
}

result<file, refusal> draw_first_page(int descriptor, const drawing& how) {
  if (how.program.empty()) return not_drawn("pdftoppm is not installed");
  private_folder folder;
  if (folder.path().empty()) return not_drawn("no folder");
  fs::path picture = folder.path() / "page";
  if (std::optional<refusal> bad = run(how, descriptor, picture)) return *bad;
  picture += ".jpg";  // which the program adds
  file out(::open(picture.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
  struct stat st {};
  if (!out || ::fstat(out.get(), &st) != 0 || !S_ISREG(st.st_mode) || st.st_size == 0) return not_drawn("no picture");
  return out;
}

}  // namespace carrel::publication::isolated
