#include "server/postgres/layout.hpp"

#include <pwd.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <sstream>
#include <vector>

#include "server/core/digest.hpp"

namespace carrel::postgres {
namespace fs = std::filesystem;
namespace {

constexpr const char* settings = R"conf(# Written by Carrel at every start; changes here are lost.
listen_addresses = ''
port = 5432
unix_socket_permissions = 0700
max_connections = 40
shared_buffers = 32MB
wal_level = minimal
max_wal_senders = 0
max_wal_size = 256MB
jit = off
autovacuum_max_workers = 1
autovacuum_naptime = 15s
fsync = on
full_page_writes = on
synchronous_commit = on
recovery_init_sync_method = syncfs
logging_collector = off
log_destination = 'stderr'
log_checkpoints = off
log_line_prefix = '%m [%p] '
log_timezone = 'UTC'
timezone = 'UTC'
datestyle = 'iso'
lc_messages = 'C'
)conf";

constexpr const char* host_access = R"conf(# Written by Carrel at every start; changes here are lost.
local all carrel peer map=carrel
)conf";

std::optional<error> write_file(const fs::path& path, const std::string& text) {
  std::ifstream old(path, std::ios::binary);
  std::stringstream present;
  present << old.rdbuf();
  if (old && present.str() == text) return std::nullopt;
  fs::path fresh = path;
  fresh += ".new";
  std::ofstream out(fresh, std::ios::binary | std::ios::trunc);
  out << text;
  out.close();
  std::error_code ec;
  if (out) fs::rename(fresh, path, ec);
  if (!out || ec) return error{"postgres", path.string() + " cannot be written" + (ec ? ": " + ec.message() : "")};
  return std::nullopt;
}

// In a list setting of postgresql.conf and in libpq's host a comma separates, and quotes need care.
bool plain(const std::string& path) {
  return std::all_of(path.begin(), path.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || std::strchr("/._-+ ", c) != nullptr;
  });
}

bool fits(const fs::path& folder) {
  std::string lock_name = socket_in(folder).string() + ".lock";
  return plain(folder.string()) && lock_name.size() < sizeof(sockaddr_un::sun_path);
}

// Nobody else may own it or look into it: /tmp is open to all.
std::optional<error> make_private(const fs::path& folder) {
  if (::mkdir(folder.c_str(), 0700) != 0 && errno != EEXIST) {
    return error{"postgres", folder.string() + ": " + std::strerror(errno)};
  }
  struct stat s {};
  if (::lstat(folder.c_str(), &s) != 0 || !S_ISDIR(s.st_mode) || s.st_uid != ::geteuid()) {
    return error{"postgres", folder.string() + " is not a folder of this user"};
  }
  if ((s.st_mode & 0777) != 0700 && ::chmod(folder.c_str(), 0700) != 0) {
    return error{"postgres", folder.string() + ": " + std::strerror(errno)};
  }
  return std::nullopt;
}

}  // namespace

layout::layout(fs::path d)
    : data(std::move(d)),
      cluster(data / "pg"),
      unfinished(data / "pg.new"),
      lock(data / "pg.lock"),
      users(data / "pg.users"),
      log(data / "pg.log") {}

fs::path socket_in(const fs::path& folder) { return folder / (".s.PGSQL." + std::to_string(port)); }

result<fs::path> socket_folder(const layout& where) {
  std::vector<fs::path> choices{where.data / "pg.sock"};
  std::string name = "carrel-" + std::to_string(::geteuid()) + "-" + sha256_hex(where.data.string()).substr(0, 16);
  choices.push_back(fs::path("/tmp") / name);
  if (const char* runtime = std::getenv("XDG_RUNTIME_DIR"); runtime != nullptr && *runtime == '/') {
    choices.push_back(fs::path(runtime) / name);
  }
  std::optional<error> why;
  for (const fs::path& folder : choices) {
    if (!fits(folder)) continue;
    why = make_private(folder);
    if (!why) return folder;
  }
  return why ? *why : error{"postgres", "no folder for the socket has a path short enough"};
}

std::string url_for(const fs::path& folder) {
  std::string host;
  for (char c : folder.string()) {
    if (c == '\'' || c == '\\') host += '\\';
    host += c;
  }
  return "host='" + host + "' port=" + std::to_string(port) + " dbname=" + database + " user=" + role;
}

std::optional<error> write_settings(const fs::path& cluster, const fs::path& folder) {
  result<std::string> user = user_name();
  if (!user) return user.error();
  std::string map = "# Written by Carrel at every start; changes here are lost.\ncarrel \"" + *user + "\" " + role + "\n";
  std::string own = settings;
  own += "unix_socket_directories = '\"" + folder.string() + "\"'\n";
  if (auto bad = write_file(cluster / "carrel.conf", own)) return bad;
  if (auto bad = write_file(cluster / "pg_hba.conf", host_access)) return bad;
  if (auto bad = write_file(cluster / "pg_ident.conf", map)) return bad;

  fs::path main = cluster / "postgresql.conf";
  std::ifstream in(main, std::ios::binary);
  std::stringstream text;
  text << in.rdbuf();
  const std::string include = "include 'carrel.conf'";
  if (in && text.str().find("\n" + include) != std::string::npos) return std::nullopt;
  return write_file(main, text.str() + "\n" + include + "\n");
}

result<std::string> user_name() {
  errno = 0;
  const passwd* entry = ::getpwuid(::geteuid());
  if (entry == nullptr) {
    return error{"postgres", "user id " + std::to_string(::geteuid()) + " has no name in /etc/passwd, which PostgreSQL needs"};
  }
  return std::string(entry->pw_name);
}

}  // namespace carrel::postgres
