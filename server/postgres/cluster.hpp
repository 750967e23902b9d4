#pragma once
// Carrel's own PostgreSQL under the data directory (architecture.md 12).

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "server/core/error.hpp"

namespace carrel::postgres {

// The directory with postgres, initdb and pg_ctl of the newest PostgreSQL >= 15 installed (Debian's layout, then PATH).
// CARREL_PG_BIN overrides it, for tests.
result<std::filesystem::path> find_binaries();

// Started as root: gives `folders` to the service user (made by the package: "carrel"; else "postgres"; else "nobody") and
// becomes that user for good. Before any thread exists. Nothing happens for other users. Only folders that Carrel itself
// made or that are empty or already belong to that user are given away; others are an error that says what to do.
// With `keep_file_access` the process may go on reading and removing files of others, whoever they belong to: an
// administrator's command that takes files in.
std::optional<error> drop_root(const std::vector<std::filesystem::path>& folders, bool keep_file_access = false);

// A running private cluster. Any number of processes may use one: the first starts it, the last to leave stops it, and no
// one notices when another one leaves or is killed (minder.hpp).
class cluster {
 public:
  // Makes it when there is none, cures a stale postmaster.pid, starts it, waits until it answers. Blocking, about 0.05 s
  // warm and 0.7 s cold. Errors: no binaries; other PG_VERSION (with the exact pg_upgrade advice); not enough space; ...
  static result<std::unique_ptr<cluster>> open(const std::filesystem::path& data_dir);
  ~cluster();  // as stop()

  const std::string& url() const;  // libpq keywords: host=<socket folder> dbname=carrel user=...
  bool starter() const;            // this process started it
  bool alive() const;              // the server process is there
  // Starts a server again that has died, unless somebody else is at it. To be called now and then, each second say.
  std::optional<error> look_after();
  void stop();  // leaves; when nobody else uses the server, stops it (a fast shutdown) and waits for that

 private:
  struct state;
  explicit cluster(std::unique_ptr<state>);
  std::unique_ptr<state> state_;
};

}  // namespace carrel::postgres
