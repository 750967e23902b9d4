#include "server/postgres/binaries.hpp"

#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <vector>

#include "server/core/text.hpp"
#include "server/postgres/cluster.hpp"
#include "server/postgres/process.hpp"

namespace carrel::postgres {
namespace fs = std::filesystem;
namespace {

const fs::path debian_root = "/usr/lib/postgresql";

bool complete(const fs::path& folder) {
  for (const char* name : {"postgres", "initdb", "pg_ctl"}) {
    if (::access((folder / name).c_str(), X_OK) != 0) return false;
  }
  return true;
}

fs::path debian_folder(int version) { return debian_root / std::to_string(version) / "bin"; }

std::optional<fs::path> newest_of_debian() {
  std::optional<fs::path> best;
  std::int64_t best_version = oldest_version - 1;
  std::error_code ec;
  for (fs::directory_iterator it(debian_root, ec), end; !ec && it != end; it.increment(ec)) {
    auto version = to_integer(it->path().filename().string());
    if (!version || *version <= best_version || !complete(it->path() / "bin")) continue;
    best = it->path() / "bin";
    best_version = *version;
  }
  return best;
}

std::optional<fs::path> newest_in_path() {
  const char* path = std::getenv("PATH");
  if (path == nullptr) return std::nullopt;
  for (const std::string& folder : split(path, ':')) {
    if (folder.empty() || !complete(folder)) continue;
    result<int> version = version_of(folder);
    if (version && *version >= oldest_version) return fs::path(folder);
  }
  return std::nullopt;
}

std::string upgrade_advice(const fs::path& cluster, const std::string& from, const fs::path& binaries, int to) {
  fs::path data = cluster.parent_path();
  std::string next = "pg." + std::to_string(to);
  std::string old_binaries = debian_root / from / "bin";
  return "the cluster in " + cluster.string() + " was made by PostgreSQL " + from + ", installed is " + std::to_string(to) +
         ". Either install the package postgresql-" + from + " again, or upgrade: stop Carrel, install postgresql-" + from +
         " next to the new one, and as the user who owns the folder run: cd " + data.string() + " && " +
         (binaries / "initdb").string() + " -D " + next +
         " -U carrel --auth=peer --encoding=UTF8 --locale=C.UTF-8 --data-checksums" + " && cp pg/pg_hba.conf pg/pg_ident.conf " +
         next + "/ && " + (binaries / "pg_upgrade").string() + " -U carrel -b " + old_binaries + " -B " + binaries.string() +
         " -d pg -D " + next + " && mv pg pg." + from + " && mv " + next + " pg";
}

}  // namespace

result<int> version_of(const fs::path& binaries) {
  result<finished_command> said = run_command({(binaries / "postgres").string(), "--version"}, "/", "");
  if (!said) return said.error();
  // "postgres (PostgreSQL) 15.6 (Debian 15.6-0+deb12u1)"; "16beta1" has no point
  std::size_t at = said->output.find_first_of("0123456789");
  std::size_t end = at == std::string::npos ? at : said->output.find_first_not_of("0123456789", at);
  auto version = at == std::string::npos ? std::nullopt : to_integer(said->output.substr(at, end - at));
  if (said->status != 0 || !version) return error{"postgres", binaries.string() + "/postgres does not tell its version"};
  return static_cast<int>(*version);
}

result<fs::path> find_binaries() {
  if (const char* forced = std::getenv("CARREL_PG_BIN"); forced != nullptr && *forced != '\0') {
    if (!complete(forced)) return error{"postgres", "CARREL_PG_BIN names a folder without postgres, initdb and pg_ctl"};
    return fs::path(forced);
  }
  if (auto found = newest_of_debian()) return *found;
  if (auto found = newest_in_path()) return *found;
  return error{"postgres", "PostgreSQL " + std::to_string(oldest_version) +
                               " or newer is not installed (apt install postgresql), and database.url is not set"};
}

result<fs::path> binaries_for(const fs::path& cluster) {
  std::string version;
  std::ifstream(cluster / "PG_VERSION") >> version;
  if (!to_integer(version)) return error{"postgres", (cluster / "PG_VERSION").string() + " is missing or damaged"};
  const char* forced = std::getenv("CARREL_PG_BIN");
  if (forced == nullptr || *forced == '\0') {
    fs::path own = debian_folder(static_cast<int>(*to_integer(version)));
    if (complete(own)) return own;
  }
  result<fs::path> found = find_binaries();
  if (!found) return found.error();
  result<int> installed = version_of(*found);
  if (!installed) return installed.error();
  if (std::to_string(*installed) != version) return error{"postgres", upgrade_advice(cluster, version, *found, *installed)};
  return *found;
}

}  // namespace carrel::postgres
