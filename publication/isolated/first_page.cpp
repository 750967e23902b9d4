#include "publication/isolated/first_page.hpp"

#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
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

// What a new process needs, made before it exists: between fork and exec nothing may allocate.
struct start {
  std::vector<char*> arguments, environment;
  int file = -1, picture = -1, nothing = -1;
  program_limits limits;
};

[[noreturn]] void become(const start& s) {
  ::setpgid(0, 0);
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  for (int standard : {0, 2}) ::dup2(s.nothing, standard);
  ::dup2(s.picture, 1);
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

using scale = std::vector<std::string>;  // options of the program

std::optional<refusal> run(const drawing& how, int descriptor, const file& picture, int page, const scale& fit) {
  // Numbers that dup2 does not meet on its way to 0, 1, 2 and 3; it takes close-on-exec off.
  file source(::fcntl(descriptor, F_DUPFD_CLOEXEC, 10)), null(::open("/dev/null", O_RDWR | O_CLOEXEC));
  file nothing(::fcntl(null.get(), F_DUPFD_CLOEXEC, 10)), out(::fcntl(picture.get(), F_DUPFD_CLOEXEC, 10));
  if (!source || !nothing || !out) return not_drawn("descriptors");
  const char* path = std::getenv("PATH");
  std::string environment = "PATH=" + std::string(path != nullptr ? path : "/usr/bin:/bin");
  // No name of the file reaches the program, which might take it for an option. Without a name for the picture it writes to its
  // standard output.
  std::string number = std::to_string(page);
  std::vector<std::string> words{how.program.native(), "-f", number, "-l", number, "-singlefile"};
  words.insert(words.end(), fit.begin(), fit.end());
  words.insert(words.end(), {"-jpeg", "-jpegopt", "quality=90", "/proc/self/fd/" + std::to_string(file_in_program)});
  start s;
  for (std::string& word : words) s.arguments.push_back(word.data());
  s.arguments.push_back(nullptr);
  s.environment = {environment.data(), nullptr};
  s.file = source.get();
  s.picture = out.get();
  s.nothing = nothing.get();
  s.limits = {std::chrono::ceil<std::chrono::seconds>(how.cpu), how.memory, how.output};

  pid_t pid = ::fork();
  if (pid < 0) return not_drawn("no process");
  if (pid == 0) become(s);
  std::optional<int> status = wait_for(pid, std::chrono::steady_clock::now() + how.clock);
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

namespace {

result<file, refusal> draw(int descriptor, const drawing& how, int page, const scale& fit) {
  if (how.program.empty()) return not_drawn("pdftoppm is not installed");
  // Without a name from the beginning: nothing stays behind, however this process ends.
  file picture(::memfd_create("carrel-page", MFD_CLOEXEC));
  if (!picture) return not_drawn("no memory for the picture");
  if (std::optional<refusal> bad = run(how, descriptor, picture, page, fit)) return *bad;
  struct stat st {};
  if (::fstat(picture.get(), &st) != 0 || st.st_size == 0) return not_drawn("no picture");
  return picture;
}

}  // namespace

result<file, refusal> draw_first_page(int descriptor, const drawing& how) {
  return draw(descriptor, how, 1, {"-scale-to", "1600"});
}

result<file, refusal> draw_page(int descriptor, const drawing& how, int page, int width) {
  result<file, refusal> drawn = draw(descriptor, how, page, {"-scale-to-x", std::to_string(width), "-scale-to-y", "-1"});
  if (drawn) return drawn;
  // A page like a long strip has more pixels in that width than there is memory for.
  return draw(descriptor, how, page, {"-scale-to", std::to_string(width)});
}

}  // namespace carrel::publication::isolated
