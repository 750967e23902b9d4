#pragma once
// Where the cluster's files are and what is in those that Carrel writes. Internal to server/postgres.

#include <filesystem>
#include <optional>
#include <string>

#include "server/core/error.hpp"

namespace carrel::postgres {

// The database user of every private cluster; an ident map leads the operating system's user to it, so that a data
// directory may change hands.
inline constexpr const char* role = "carrel";
inline constexpr const char* database = "carrel";
inline constexpr int port = 5432;  // only part of the socket's name

struct layout {
  explicit layout(std::filesystem::path data);
  std::filesystem::path data;
  std::filesystem::path cluster;     // data/pg
  std::filesystem::path unfinished;  // data/pg.new
  std::filesystem::path lock;        // data/pg.lock: the one who starts and stops it
  std::filesystem::path users;       // data/pg.users: shared by everybody who uses it
  std::filesystem::path log;         // data/pg.log
};

// A folder of mode 0700 whose socket path fits into sockaddr_un: data/pg.sock, or one below /tmp or XDG_RUNTIME_DIR named
// after the data directory's path.
result<std::filesystem::path> socket_folder(const layout&);
std::filesystem::path socket_in(const std::filesystem::path& folder);
std::string url_for(const std::filesystem::path& socket_folder);

// carrel.conf, pg_hba.conf, pg_ident.conf, and the line that includes the first.
std::optional<error> write_settings(const std::filesystem::path& cluster, const std::filesystem::path& socket_folder);

result<std::string> user_name();  // of the effective user

}  // namespace carrel::postgres
