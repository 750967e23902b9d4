#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <pwd.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <string>

#include "server/postgres/cluster.hpp"

namespace carrel::postgres {
namespace fs = std::filesystem;
namespace {

struct account {
  std::string name;
  std::string home;
  uid_t user = 0;
  gid_t group = 0;
};

std::optional<account> service_account() {
  for (const char* name : {"carrel", "postgres", "nobody"}) {
    const passwd* p = ::getpwnam(name);
    if (p != nullptr && p->pw_uid != 0) return account{p->pw_name, p->pw_dir, p->pw_uid, p->pw_gid};
  }
  return std::nullopt;
}

error failed(const fs::path& path, const char* what) {
  return error{"data", path.string() + ": " + what + ": " + std::strerror(errno)};
}

// Makes the folder and every missing one above it; `made` tells whether the last one is new.
std::optional<error> make_folders(const fs::path& folder, const account& to, bool& made) {
  struct stat s {};
  if (::stat(folder.c_str(), &s) == 0) {
    made = false;
    return S_ISDIR(s.st_mode) ? std::nullopt : std::optional(error{"data", folder.string() + " is not a folder"});
  }
  bool parent_made = false;
  if (folder.has_parent_path() && folder.parent_path() != folder) {
    if (auto bad = make_folders(folder.parent_path(), to, parent_made)) return bad;
  }
  if (::mkdir(folder.c_str(), 0755) != 0) return failed(folder, "cannot be made");
  if (::chown(folder.c_str(), to.user, to.group) != 0) return failed(folder, "cannot be given to the service user");
  made = true;
  return std::nullopt;
}

std::optional<error> hand_over(const fs::path& given, const account& to) {
  std::error_code ec;
  fs::path folder = fs::absolute(given, ec).lexically_normal();
  if (!folder.has_filename()) folder = folder.parent_path();
  bool made = false;
  if (auto bad = make_folders(folder, to, made)) return bad;
  if (made) return std::nullopt;

  int fd = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);  // what is looked at is what is given away
  if (fd < 0) return failed(folder, "cannot be opened");
  struct stat s {};
  std::optional<error> out;
  if (::fstat(fd, &s) != 0) {
    out = failed(folder, "cannot be looked at");
  } else if (s.st_uid != to.user) {
    if (!fs::is_empty(folder, ec) || ec) {
      out = error{"data", folder.string() + " belongs to somebody else than " + to.name +
                              " and is not empty. If Carrel may have it: chown -R " + to.name + ": '" + folder.string() +
                              "'; otherwise start Carrel as the user it belongs to"};
    } else if (::fchown(fd, to.user, to.group) != 0) {
      out = failed(folder, "cannot be given to the service user");
    }
  }
  ::close(fd);
  return out;
}

// Of root's rights only those that open and remove files of others. Not inherited by programs that are started.
bool keep_file_rights() {
  __user_cap_header_struct header{.version = _LINUX_CAPABILITY_VERSION_3, .pid = 0};
  constexpr std::uint32_t rights = 1U << CAP_DAC_OVERRIDE | 1U << CAP_DAC_READ_SEARCH;
  __user_cap_data_struct data[2] = {{.effective = rights, .permitted = rights, .inheritable = 0}, {}};
  return ::syscall(SYS_capset, &header, data) == 0;
}

std::optional<error> become(const account& a, bool keep_file_access) {
  if (keep_file_access) ::prctl(PR_SET_KEEPCAPS, 1);
  if (::initgroups(a.name.c_str(), a.group) != 0 || ::setgid(a.group) != 0 || ::setuid(a.user) != 0) {
    return error{"system", "cannot become user " + a.name + ": " + std::strerror(errno)};
  }
  if (::setuid(0) == 0) return error{"system", "root could not be given up"};
  if (keep_file_access && !keep_file_rights()) {
    return error{"system", std::string("cannot keep the right to read files of others: ") + std::strerror(errno)};
  }
  ::setenv("USER", a.name.c_str(), 1);
  ::setenv("LOGNAME", a.name.c_str(), 1);
  ::prctl(PR_SET_DUMPABLE, 1);  // otherwise /proc/self stays root's, and neither debuggers nor sanitizers work
  return std::nullopt;
}

}  // namespace

std::optional<error> drop_root(const std::vector<fs::path>& folders, bool keep_file_access) {
  if (::geteuid() != 0) return std::nullopt;
  std::optional<account> service = service_account();
  if (!service) return error{"system", "none of the users carrel, postgres and nobody exists"};
  for (const fs::path& folder : folders) {
    if (auto bad = hand_over(folder, *service)) return bad;
  }
  std::vector<fs::path> absolute;
  absolute.reserve(folders.size());
  for (const fs::path& folder : folders) absolute.push_back(fs::absolute(folder));
  if (auto bad = become(*service, keep_file_access)) return bad;
  for (const fs::path& folder : absolute) {
    if (::access(folder.c_str(), R_OK | W_OK | X_OK) != 0) {
      return error{"data", folder.string() + " cannot be reached by user " + service->name +
                               ": a folder above it is closed to others. Choose another place, or chmod o+x those above"};
    }
  }
  // Homes like /nonexistent are of no use to libraries that keep small files there.
  bool has_home = ::access(service->home.c_str(), W_OK | X_OK) == 0;
  std::string home = has_home || absolute.empty() ? service->home : absolute.front().string();
  ::setenv("HOME", home.c_str(), 1);
  if (::access(".", X_OK) != 0 && ::chdir("/") != 0) return error{"system", "/ cannot be entered"};
  return std::nullopt;
}

}  // namespace carrel::postgres
